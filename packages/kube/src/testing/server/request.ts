import type { IncomingMessage } from 'node:http';
import type { Kind, Kinds } from './kinds.ts';
import { Refusal, badRequest, noSuchResource } from './refusal.ts';
import type { Json } from './stored.ts';
import { isJson } from './stored.ts';

/** What a request wants, read from its method and path. */
export interface Wanted {
  readonly verb: string;
  /** Path and query, for the record. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Undefined for what is no resource (`/version`). */
  readonly kind: Kind | undefined;
  /** `pods`, `selfsubjectaccessreviews`, `version`. */
  readonly resource: string;
  readonly group: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

const REVIEWS = { group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' };

function verbOf(method: string, name: string | undefined, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
      if (['1', 'true'].includes(query.get('watch') ?? '')) return 'watch';
      return name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}

/** Splits a path into what it names. Pure; knows which kinds there are. */
export function wanted(kinds: Kinds, method: string, url: string): Wanted {
  const { pathname, searchParams: query } = new URL(url, 'http://server');
  const pieces = pathname
    .split('/')
    .filter((piece) => piece !== '')
    .map(decodeURIComponent);
  const base = { path: url, query, namespace: undefined, name: undefined, subresource: undefined };
  if (pieces[0] !== 'api' && pieces[0] !== 'apis') {
    return { ...base, verb: 'get', kind: undefined, resource: pieces.join('/'), group: '' };
  }
  const [group = '', version = ''] = pieces[0] === 'api' ? ['', pieces[1]] : [pieces[1], pieces[2]];
  const rest = pieces.slice(pieces[0] === 'api' ? 2 : 3);
  if (rest.length === 0) return { ...base, verb: 'get', kind: undefined, resource: pieces.join('/'), group };
  const inside = rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2] ?? '');
  const namespace = inside ? rest[1] : undefined;
  const [resource = '', name, ...subresources] = inside ? rest.slice(2) : rest;
  const subresource = subresources.length === 0 ? undefined : subresources.join('/');
  const kind = kinds.find(group === '' ? version : `${group}/${version}`, resource);
  const verb = subresource === 'log' && resource === 'pods' ? 'log' : verbOf(method, name, query);
  return { verb, path: url, query, kind, resource, group, namespace, name, subresource };
}

export const isReview = (request: Wanted): boolean =>
  request.group === REVIEWS.group && request.resource === REVIEWS.resource;

/** 404 as the real one: a group that is not served answers in plain text, see `NoSuchGroup`. */
export class NoSuchGroup extends Error {}

export function requireKind(kinds: Kinds, request: Wanted): Kind {
  const { kind, group } = request;
  if (kind === undefined) {
    if (group !== '' && !kinds.hasGroup(group)) throw new NoSuchGroup();
    throw noSuchResource();
  }
  // Lists of all namespaces have none; single objects of a namespaced kind always do.
  if (kind.namespaced && request.namespace === undefined && request.name !== undefined) throw noSuchResource();
  if (!kind.namespaced && request.namespace !== undefined) throw noSuchResource();
  return kind;
}

const MOST_BYTES = 3 * 1024 * 1024;

/** The whole body; 413 beyond the limit of the real one. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) chunks.push(chunk);
  }
  if (bytes > MOST_BYTES) {
    throw new Refusal(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MOST_BYTES}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The object of a create or update. */
export function parsedObject(kind: Kind, text: string): Json {
  const fail = (why: string): Refusal =>
    badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): couldn't get version/kind; json parse error: ${why}`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error));
  }
  if (!isJson(value)) throw fail('json: cannot unmarshal into Go value');
  const given = typeof value['kind'] === 'string' ? value['kind'] : kind.kind;
  if (given !== kind.kind) {
    throw badRequest(
      `${given} in version "${kind.version}" cannot be handled as a ${kind.kind}: converting (${given}) to (${kind.kind}): unknown conversion`,
    );
  }
  return value;
}

/** Options of a delete: no body is fine. */
export function parsedOptions(text: string): Json {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isJson(value)) return value;
  } catch {
    // Said below.
  }
  throw badRequest('unable to decode DeleteOptions');
}
