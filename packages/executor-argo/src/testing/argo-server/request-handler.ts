import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@runner/core';
import type { TestApiServer } from '@runner/kube/testing';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ArgoServerCall, ArgoServerFault } from '../argo-server.ts';
import type { Backend } from './backend.ts';
import { backendFor } from './backend.ts';
import { EventStream, asEvent } from './event-stream.ts';
import type { ArgoFaults } from './faults.ts';
import type { Snapshot } from './listing.ts';
import { UNFILLED, currentList, pageOf } from './listing.ts';
import type { Asked } from './request.ts';
import { askedOf } from './request.ts';
import { pipeLog, pipeWatch, watchBehind } from './streams.ts';
import type { Json } from './words.ts';
import { ArgoFailure, cleaned, failureOf, isJson } from './words.ts';
import { createWorkflow, deleteWorkflow, getWorkflow, shutdownWorkflow } from './workflow-calls.ts';

export interface RequestHandlerOptions {
  readonly api: TestApiServer;
  readonly clock: Clock;
  readonly faults: ArgoFaults;
  readonly version: string;
  readonly keepaliveMs: number;
  readonly record: (call: ArgoServerCall) => void;
}

const PAGE = '<!doctype html><title>Somewhere else</title>';

/** One request from its first byte to its last. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  #frozen: Snapshot = { resourceVersion: '0', items: [] };

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#serve(request, response).catch(() => response.destroy());
  }

  /** Lists that are out of date show what stands now. */
  freezeLists(): void {
    const items = this.#options.api.objects(WORKFLOWS).filter(isJson);
    const versions = items.map(({ metadata }) => (isJson(metadata) ? Number(metadata['resourceVersion']) : 0));
    this.#frozen = { resourceVersion: String(Math.max(1, ...versions)), items };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = askedOf(request.method ?? 'GET', request.url ?? '/');
    const text = await textOf(request);
    const exchange = new Exchange(this.#options, request, response, asked, text);
    if (asked === undefined) {
      exchange.unknown();
      return;
    }
    const fault = this.#options.faults.take(asked.call, 'status', 'html', 'redirect', 'reset', 'silence');
    if (fault !== undefined && !(fault.kind === 'reset' && fault.applied === true)) {
      exchange.spoil(fault);
      return;
    }
    try {
      const backend = backendFor(this.#options.api, request.headers.authorization);
      if (asked.call === 'watch' || asked.call === 'log') await this.#stream(asked, backend, exchange);
      else {
        const body = await this.#answer(asked, backend, text);
        if (fault === undefined) exchange.say(200, cleaned(body, asked.query.get('fields')));
        else exchange.spoil(fault);
      }
    } catch (error) {
      if (!(error instanceof ArgoFailure)) throw error;
      exchange.refuse(error);
    }
  }

  #answer(asked: Asked, backend: Backend, text: string): Promise<Json> {
    const { call, namespace, name, query } = asked;
    switch (call) {
      case 'create':
        return createWorkflow(backend, namespace, text);
      case 'get':
        return getWorkflow(backend, namespace, name);
      case 'delete':
        return deleteWorkflow(backend, namespace, name);
      case 'stop':
        return shutdownWorkflow(backend, namespace, name, 'Stop');
      case 'terminate':
        return shutdownWorkflow(backend, namespace, name, 'Terminate');
      case 'list':
        return this.#list(backend, namespace, query);
      default:
        return Promise.resolve({ version: this.#options.version, compiler: 'gc', platform: 'linux/amd64' });
    }
  }

  async #list(backend: Backend, namespace: string, query: URLSearchParams): Promise<Json> {
    const { faults } = this.#options;
    const fault = faults.take('list', 'stale_lists', 'unfilled_lists');
    if (fault?.kind === 'unfilled_lists') return UNFILLED;
    const current = await currentList(backend, namespace, query);
    if (fault === undefined) return pageOf(current, query);
    const items = this.#frozen.items.filter(
      (item) => isJson(item['metadata']) && item['metadata']['namespace'] === namespace,
    );
    return pageOf({ ...this.#frozen, items }, query);
  }

  async #stream(asked: Asked, backend: Backend, exchange: Exchange): Promise<void> {
    const { api } = this.#options;
    const { namespace, name, query } = asked;
    if (asked.call === 'watch') {
      const behind = new AbortController();
      const lines = await watchBehind(backend, namespace, query, behind.signal);
      const stream = exchange.open();
      stream.onClose(() => behind.abort());
      await pipeWatch(lines, stream).catch(() => stream.finish());
      return;
    }
    if (query.has('logOptions.sinceTime')) {
      exchange.say(400, { code: 3, message: 'field type *v1.Time is not supported in query parameters' });
      return;
    }
    await getWorkflow(backend, namespace, name);
    const pod = query.get('podName') ?? name;
    await pipeLog(api, backend, { namespace, workflow: name, pod, query }, exchange.open());
  }
}

/** The answer to one request. */
class Exchange {
  readonly #options: RequestHandlerOptions;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #asked: Asked | undefined;
  readonly #text: string;

  constructor(
    options: RequestHandlerOptions,
    request: IncomingMessage,
    response: ServerResponse,
    asked: Asked | undefined,
    text: string,
  ) {
    this.#options = options;
    this.#request = request;
    this.#response = response;
    this.#asked = asked;
    this.#text = text;
  }

  say(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#record(status);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json';
    this.#response.writeHead(status, { 'content-type': type, ...headers }).end(text);
  }

  refuse(failure: ArgoFailure, headers: Readonly<Record<string, string>> = {}): void {
    const asked = this.#asked;
    if (asked?.call !== 'watch' && asked?.call !== 'log') {
      this.say(failure.httpStatus, failure.body(), headers);
      return;
    }
    this.#record(failure.httpStatus);
    const { sse } = this;
    this.#response.writeHead(failure.httpStatus, {
      'content-type': sse ? 'text/event-stream' : 'application/json',
      ...headers,
    });
    this.#response.end(asEvent(failure.event(), { sse, fields: asked.query.get('fields') }));
  }

  unknown(): void {
    if (this.#request.url?.startsWith('/api/') === true) this.refuse(new ArgoFailure(12, 'Not Implemented'));
    else this.say(200, '<!doctype html><title>Argo</title>');
  }

  spoil(fault: ArgoServerFault): void {
    switch (fault.kind) {
      case 'status': {
        const headers = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
        this.refuse(failureOf(fault.status, fault.message ?? 'a fault of this test'), headers);
        return;
      }
      case 'html':
        this.say(fault.status ?? 200, PAGE);
        return;
      case 'redirect':
        this.say(302, '', { location: '/login' });
        return;
      case 'reset':
        this.#record(0);
        this.#request.socket.destroy();
        return;
      default:
        this.#record(0);
    }
  }

  open(): EventStream {
    const { clock, keepaliveMs, faults } = this.#options;
    this.#record(200);
    const fields = this.#asked?.query.get('fields') ?? null;
    const stream = new EventStream({ response: this.#response, clock, keepaliveMs, sse: this.sse, fields });
    faults.opened(stream, this.#asked?.call ?? 'watch');
    return stream;
  }

  /** Argo compares the whole header. */
  get sse(): boolean {
    return this.#request.headers.accept === 'text/event-stream';
  }

  #record(status: number): void {
    const asked = this.#asked;
    this.#options.record({
      call: asked?.call ?? 'unknown',
      namespace: asked?.namespace,
      name: asked?.name,
      path: this.#request.url ?? '',
      status,
      body: parsed(this.#text),
    });
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? undefined : text;
  }
}
