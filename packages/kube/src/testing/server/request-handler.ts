import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@runner/core';
import type { ApiFault, RecordedCall } from '../api-server.ts';
import type { Access, Caller } from './access.ts';
import { authorize, reviewed } from './access.ts';
import type { Faults } from './faults.ts';
import type { Kind, Kinds } from './kinds.ts';
import type { Lists } from './listing.ts';
import { readLog, readableContainer } from './log-reading.ts';
import { Refusal, notAllowed, notFound } from './refusal.ts';
import type { Wanted } from './request.ts';
import { NoSuchGroup, bodyOf, isReview, parsedOptions, requireKind, wanted } from './request.ts';
import type { Json } from './stored.ts';
import type { ContainerLog } from './test-log.ts';
import { watch } from './watching.ts';
import type { Answer, WritingContext } from './writing.ts';
import { create, patch, remove, update } from './writing.ts';

export interface RequestHandlerOptions {
  readonly kinds: Kinds;
  readonly access: Access;
  readonly faults: Faults;
  readonly lists: Lists;
  readonly clock: Clock;
  readonly bookmarkMs: number;
  /** `v1.34.4`. */
  readonly version: string;
  readonly writing: WritingContext;
  readonly record: (call: RecordedCall) => void;
  readonly log: (namespace: string, pod: string, container: string) => ContainerLog;
}

/** One request from its first byte to its last. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#serve(request, response).catch((error: unknown) => {
      // The client went away while it sent its body, or this server is wrong; either way there is nobody to ask.
      if (response.headersSent || request.destroyed) response.destroy();
      else send(response, 500, { kind: 'Status', status: 'Failure', code: 500, message: String(error) });
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = wanted(this.#options.kinds, request.method ?? 'GET', request.url ?? '/');
    const text = request.method === 'GET' ? '' : await bodyOf(request).catch((error: unknown) => asRefusal(error));
    const record = (status: number): void => this.#record(asked, status, text);
    const aim = { verb: asked.verb, resource: asked.resource };
    const fault = this.#options.faults.take(aim, 'status', 'reset', 'silence');
    if (fault?.kind === 'silence') {
      record(0);
      return;
    }
    if (fault?.kind === 'reset' && fault.applied !== true) {
      record(0);
      return void request.socket.destroy();
    }
    try {
      if (text instanceof Refusal) throw text;
      if (fault?.kind === 'status') throw faultRefusal(fault);
      this.#answer(asked, request, text, fault?.kind === 'reset' ? undefined : response, record);
      if (fault?.kind === 'reset') {
        record(0);
        request.socket.destroy();
      }
    } catch (error) {
      if (fault?.kind === 'reset') {
        record(0);
        return void request.socket.destroy();
      }
      this.#refuse(error, response, record);
    }
  }

  /** Does the work; without a response the answer is lost. */
  #answer(
    asked: Wanted,
    request: IncomingMessage,
    text: string,
    response: ServerResponse | undefined,
    record: (status: number) => void,
  ): void {
    const say = (status: number, body: Json | string): void => {
      if (response === undefined) return;
      record(status);
      send(response, status, body);
    };
    const caller = this.#options.access.caller(request.headers.authorization);
    if (asked.kind === undefined && !asked.path.startsWith('/api')) {
      this.#plain(asked, say);
      return;
    }
    if (isReview(asked)) {
      say(201, reviewed(caller, parsedOptions(text)));
      return;
    }
    this.#authorize(caller, asked);
    const kind = requireKind(this.#options.kinds, asked);
    if (asked.verb === 'list') {
      say(200, this.#options.lists.list(kind, asked));
      return;
    }
    if (asked.verb === 'watch' || asked.verb === 'log') {
      if (response !== undefined) this.#stream(kind, asked, response, record);
      return;
    }
    const answer = this.#write(kind, asked, text, request.headers['content-type'] ?? '');
    say(answer.status, answer.body);
  }

  #write(kind: Kind, asked: Wanted, text: string, contentType: string): Answer {
    const { writing } = this.#options;
    if ((asked.verb === 'create') === (asked.name !== undefined)) throw notAllowed();
    switch (asked.verb) {
      case 'get': {
        const object = writing.store.get(kind, asked.namespace, asked.name ?? '');
        if (object === undefined) throw notFound(kind, asked.name ?? '');
        return { status: 200, body: object as unknown as Json };
      }
      case 'create':
        return create(writing, kind, asked, text);
      case 'update':
        return update(writing, kind, asked, text);
      case 'patch':
        return patch(writing, kind, asked, text, contentType);
      case 'delete':
        return remove(writing, kind, asked, text);
      default:
        throw notAllowed();
    }
  }

  #stream(kind: Kind, asked: Wanted, response: ServerResponse, record: (status: number) => void): void {
    const { writing, faults, clock, bookmarkMs } = this.#options;
    if (asked.verb === 'watch') {
      watch({ store: writing.store, faults, clock, bookmarkMs }, kind, asked, response);
      record(200);
      return;
    }
    const pod = writing.store.get(kind, asked.namespace, asked.name ?? '');
    if (pod === undefined) throw notFound(kind, asked.name ?? '');
    const container = readableContainer(pod, asked.query);
    if (container === undefined) {
      response.writeHead(204).end();
      record(204);
      return;
    }
    const log = this.#options.log(pod.metadata.namespace ?? '', pod.metadata.name, container);
    readLog({ pod, log, faults, now: clock.now() }, asked, response);
    record(200);
  }

  #authorize(caller: Caller, asked: Wanted): void {
    const { verb, group, namespace, name, subresource } = asked;
    const resource = subresource === undefined ? asked.resource : `${asked.resource}/${subresource}`;
    const suffix = group === '' ? '' : `.${group}`;
    authorize(
      caller,
      { verb: verb === 'log' ? 'get' : verb, group, resource, namespace, name },
      { resource: `${asked.resource}${suffix}`, group, plural: asked.resource },
    );
  }

  #plain(asked: Wanted, say: (status: number, body: Json | string) => void): void {
    if (asked.resource === 'version') {
      say(200, versionBody(this.#options.version));
      return;
    }
    if (['healthz', 'livez', 'readyz'].includes(asked.resource)) {
      say(200, 'ok');
      return;
    }
    throw new NoSuchGroup();
  }

  #refuse(error: unknown, response: ServerResponse, record: (status: number) => void): void {
    if (error instanceof NoSuchGroup) {
      record(404);
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
      return;
    }
    if (!(error instanceof Refusal)) throw error;
    record(error.status);
    const wait = error.details?.retryAfterSeconds;
    send(response, error.status, error.body(), wait === undefined ? {} : { 'retry-after': String(wait) });
  }

  #record(asked: Wanted, status: number, text: string | Refusal): void {
    const { verb, resource, namespace, name, path } = asked;
    this.#options.record({ verb, resource, namespace, name, path, status, body: parsed(text) });
  }
}

function versionBody(gitVersion: string): Json {
  const [major = '', minor = ''] = gitVersion.slice(1).split('.');
  return { major, minor, gitVersion, platform: 'linux/amd64' };
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  throw error;
}

function parsed(text: string | Refusal): unknown {
  if (typeof text !== 'string' || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: Json | string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

const REASONS: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  401: ['Unauthorized', 'Unauthorized'],
  403: ['Forbidden', 'forbidden by a fault of this test'],
  409: ['Conflict', 'the object has been modified; please apply your changes to the latest version and try again'],
  410: ['Expired', 'too old resource version'],
  429: ['TooManyRequests', 'The apiserver is currently overloaded, please try again later.'],
  500: ['InternalError', 'an error on the server has prevented the request from succeeding'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted'],
};

function faultRefusal(fault: Extract<ApiFault, { kind: 'status' }>): Refusal {
  const [reason, message] = REASONS[fault.status] ?? [undefined, 'a fault of this test'];
  const { retryAfterSeconds } = fault;
  return new Refusal(
    fault.status,
    fault.reason ?? reason,
    fault.message ?? message,
    retryAfterSeconds === undefined ? undefined : { retryAfterSeconds },
  );
}
