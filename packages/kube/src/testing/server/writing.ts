import { withDefaults } from './admission.ts';
import { validateTypes } from './decoding.ts';
import { deleteObject, deleteRequest, deletedStatus, writeOrRelease } from './deletion.ts';
import type { Kind } from './kinds.ts';
import { mergePatch } from './merge-patch.ts';
import type { Quotas } from './quotas.ts';
import { Refusal, alreadyExists, badRequest, conflict, forbidden, invalid, notFound } from './refusal.ts';
import { parsedObject, parsedOptions } from './request.ts';
import type { Wanted } from './request.ts';
import type { ObjectStore } from './store.ts';
import type { Json, Stored } from './stored.ts';
import { at, isJson, jsonAt, ownersOf, textAt, without, withoutNulls } from './stored.ts';
import { validateChange, validateNew } from './validation.ts';

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

export interface WritingContext {
  readonly store: ObjectStore;
  readonly quotas: Quotas;
  readonly namespaces: Kind;
  /** Called when an object was made whose owners are all unknown: the collector comes by later. */
  readonly orphaned: (kind: Kind, object: Stored) => void;
}

export function create(context: WritingContext, kind: Kind, request: Wanted, text: string): Answer {
  const { store } = context;
  const given = withoutNulls(parsedObject(kind, text));
  validateTypes(kind, given);
  const metadata = jsonAt(given, 'metadata');
  const namespace = kind.namespaced ? request.namespace : undefined;
  const wrote = textAt(metadata, 'namespace');
  if (wrote !== undefined && wrote !== (namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (at(metadata, 'resourceVersion') !== undefined && at(metadata, 'resourceVersion') !== '') {
    throw new Refusal(500, undefined, 'resourceVersion should not be set on objects to be created');
  }
  const prefix = textAt(metadata, 'generateName');
  const wantedName = textAt(metadata, 'name') ?? '';
  const name = wantedName === '' && prefix !== undefined ? `${prefix}${store.suffix(5)}` : wantedName;
  checkNamespace(context, kind, namespace, name);
  const birth = store.birth();
  const rest = without(metadata, 'deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields', 'selfLink');
  const named = {
    ...given,
    ...(kind.hasStatus ? { status: {} } : {}),
    metadata: { ...rest, name, ...(namespace === undefined ? {} : { namespace }) },
  };
  const complete = withDefaults(kind, named, birth.uid);
  validateNew(kind, complete, given);
  if (store.get(kind, namespace, name) !== undefined) throw alreadyExists(kind, name);
  context.quotas.admit(kind, namespace, name);
  const object = stored(kind, complete, { ...birth, ...(hasGeneration(kind) ? { generation: 1 } : {}) });
  if (request.query.get('dryRun') !== null) return { status: 201, body: dry(object) };
  const made = store.write(kind, object);
  if (ownersOf(made).length > 0 && !ownersOf(made).some((owner) => store.exists(owner.uid)))
    context.orphaned(kind, made);
  return { status: 201, body: made as unknown as Json };
}

/** Kinds whose `spec` is counted; configuration and events have no generation. */
function hasGeneration(kind: Kind): boolean {
  return kind.hasStatus || !['', 'coordination.k8s.io', 'rbac.authorization.k8s.io'].includes(kind.group);
}

function checkNamespace(context: WritingContext, kind: Kind, namespace: string | undefined, name: string): void {
  if (!kind.namespaced) return;
  if (namespace === undefined) throw badRequest('an empty namespace may not be set during creation');
  const found = context.store.get(context.namespaces, undefined, namespace);
  if (found === undefined) throw notFound(context.namespaces, namespace);
  if (found.metadata.deletionTimestamp !== undefined) {
    throw forbidden(
      kind,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
  }
}

/** Empty maps and lists of metadata are left out. */
function withoutEmpty(metadata: Json): Json {
  const isEmpty = (value: unknown): boolean =>
    Array.isArray(value) ? value.length === 0 : isJson(value) && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isEmpty(value)));
}

/** Gives an object the parts that the server owns. */
function stored(kind: Kind, object: Json, owned: Json): Stored {
  return {
    ...object,
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { ...withoutEmpty(jsonAt(object, 'metadata')), ...owned, resourceVersion: '' },
  } as unknown as Stored;
}

function existing(store: ObjectStore, kind: Kind, request: Wanted): Stored {
  const name = request.name ?? '';
  const object = store.get(kind, request.namespace, name);
  if (object === undefined) throw notFound(kind, name);
  return object;
}

/** What would have been made has no version. */
function dry(object: Stored): Json {
  return { ...object, metadata: without(object.metadata, 'resourceVersion') };
}

export function patch(context: WritingContext, kind: Kind, request: Wanted, text: string, contentType: string): Answer {
  if (!contentType.startsWith('application/merge-patch+json')) {
    throw new Refusal(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  }
  const previous = existing(context.store, kind, request);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isJson(parsed))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
    );
  const merged = mergePatch(previous, parsed) as Json;
  checkPatched(kind, merged);
  return changed(context.store, kind, request, previous, merged);
}

/** What a patch makes of an object must be decodable; when not, the patch is what is wrong. */
function checkPatched(kind: Kind, merged: Json): void {
  try {
    validateTypes(kind, merged);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^.*?: /, '') : '';
    const message = `Invalid value: ${JSON.stringify(JSON.stringify(merged))}: ${why}`;
    throw invalid({ qualified: '', kind: '', group: '' }, '', [
      { field: 'patch', reason: 'FieldValueInvalid', message },
    ]);
  }
}

export function update(context: WritingContext, kind: Kind, request: Wanted, text: string): Answer {
  const previous = existing(context.store, kind, request);
  const given = withoutNulls(parsedObject(kind, text));
  validateTypes(kind, given);
  const { uid, creationTimestamp, name, namespace, generation } = previous.metadata;
  // What an update leaves out of these is taken from what stands.
  const metadata = { uid, creationTimestamp, name, namespace, generation, ...jsonAt(given, 'metadata') };
  return changed(context.store, kind, request, previous, withoutNulls({ ...given, metadata }));
}

function changed(store: ObjectStore, kind: Kind, request: Wanted, previous: Stored, next: Json): Answer {
  const name = previous.metadata.name;
  const version = textAt(next, 'metadata', 'resourceVersion');
  if (version !== undefined && version !== '' && version !== previous.metadata.resourceVersion)
    throw conflict(kind, name);
  if (textAt(next, 'metadata', 'name') !== name) {
    throw badRequest(
      `the name of the object (${textAt(next, 'metadata', 'name') ?? ''}) does not match the name on the URL (${name})`,
    );
  }
  const scoped = inScope(kind, request, previous, next);
  const complete = withDefaults(kind, scoped, previous.metadata.uid, previous as unknown as Json);
  validateTypes(kind, complete);
  validateChange(kind, complete, previous);
  finalizersOnlyShrink(kind, previous, complete);
  const { deletionTimestamp, deletionGracePeriodSeconds, creationTimestamp, generation } = previous.metadata;
  const specChanged = JSON.stringify(at(complete, 'spec')) !== JSON.stringify(at(previous, 'spec'));
  const object = stored(kind, complete, {
    creationTimestamp,
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }),
    ...(generation === undefined ? {} : { generation: specChanged ? generation + 1 : generation }),
  });
  if (JSON.stringify(unversioned(object)) === JSON.stringify(unversioned(previous))) {
    return { status: 200, body: previous as unknown as Json };
  }
  if (request.query.get('dryRun') !== null) return { status: 200, body: dry(object) };
  return { status: 200, body: writeOrRelease(store, kind, object) as unknown as Json };
}

/** The `status` path changes the status, every other path everything else. */
function inScope(kind: Kind, request: Wanted, previous: Stored, next: Json): Json {
  const status = at(previous, 'status');
  if (request.subresource === 'status') return { ...(previous as unknown as Json), status: at(next, 'status') };
  if (!kind.hasStatus) return next;
  return { ...next, ...(status === undefined ? {} : { status }) };
}

function finalizersOnlyShrink(kind: Kind, previous: Stored, next: Json): void {
  if (previous.metadata.deletionTimestamp === undefined) return;
  const before = previous.metadata.finalizers ?? [];
  const now = at(next, 'metadata', 'finalizers');
  const added = (Array.isArray(now) ? (now as unknown[]) : []).filter((one) => !before.includes(String(one)));
  if (added.length === 0) return;
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`;
  throw invalid(kind, previous.metadata.name, [
    { field: 'metadata.finalizers', reason: 'FieldValueForbidden', message },
  ]);
}

/** Order of properties aside, what counts when nothing is changed. */
function unversioned(object: Stored): unknown {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (!isJson(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, item]) => [name, sorted(item)]),
    );
  };
  return sorted({ ...object, metadata: { ...object.metadata, resourceVersion: '' } });
}

export function remove(context: WritingContext, kind: Kind, request: Wanted, text: string): Answer {
  const { store } = context;
  const object = existing(store, kind, request);
  const options = deleteRequest(kind, object, parsedOptions(text), request.query);
  if (request.query.get('dryRun') !== null) return { status: 200, body: object as unknown as Json };
  const left = deleteObject(store, kind, object, options);
  if (left !== undefined) return { status: 200, body: left as unknown as Json };
  // A pod that goes at once is given back as it was; all else is answered with a Status.
  return { status: 200, body: kind.resource === 'pods' ? (object as unknown as Json) : deletedStatus(kind, object) };
}
