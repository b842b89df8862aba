import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestApiServer } from '@runner/kube/testing';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { Backend } from './backend.ts';
import { backendFor } from './backend.ts';
import type { ExchangeOptions } from './exchange.ts';
import { Exchange } from './exchange.ts';
import type { Snapshot } from './listing.ts';
import { UNFILLED, currentList, pageOf } from './listing.ts';
import type { Asked } from './request.ts';
import { askedOf } from './request.ts';
import { pipeLog, pipeWatch, watchBehind } from './streams.ts';
import type { Json } from './words.ts';
import { ArgoFailure, cleaned, isJson } from './words.ts';
import { createWorkflow, deleteWorkflow, getWorkflow, resumeWorkflow, shutdownWorkflow } from './workflow-calls.ts';

export interface RequestHandlerOptions extends ExchangeOptions {
  readonly api: TestApiServer;
  readonly version: string;
}

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
      case 'resume':
        return resumeWorkflow(backend, namespace, name);
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

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
