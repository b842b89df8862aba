import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@runner/core';
import type {
  ArgoCall,
  ArgoFaultTarget,
  ArgoServerCall,
  ArgoServerFault,
  TestArgoServer,
  TestArgoServerOptions,
} from '../argo-server.ts';
import { ArgoFaults } from './faults.ts';
import { RequestHandler } from './request-handler.ts';

/** Longer than any client keeps a connection, so that one is never reused as it is being closed. */
const KEEP_ALIVE_MS = 120_000;

/** Listens, and holds the parts together. */
export class MemoryArgoServer implements TestArgoServer {
  readonly calls: ArgoServerCall[] = [];
  readonly #options: TestArgoServerOptions;
  readonly #faults = new ArgoFaults();
  readonly #handler: RequestHandler;
  #http: Server | undefined;
  #port = 0;

  constructor(options: TestArgoServerOptions & { readonly clock: Clock }) {
    this.#options = options;
    this.#handler = new RequestHandler({
      api: options.api,
      clock: options.clock,
      faults: this.#faults,
      version: options.version ?? 'v3.7.4',
      keepaliveMs: options.keepaliveMs ?? 15_000,
      record: (call) => this.calls.push(call),
    });
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  fault(fault: ArgoServerFault, target: ArgoFaultTarget = {}): () => void {
    if (fault.kind === 'stale_lists') this.#handler.freezeLists();
    return this.#faults.add(fault, target);
  }

  openStreams(call?: Extract<ArgoCall, 'watch' | 'log'>): number {
    return this.#faults.open(call);
  }

  async start(): Promise<void> {
    if (this.#http !== undefined) return;
    const serve: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
      this.#handler.handle(request, response);
    };
    const { tls } = this.#options;
    const http: Server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
    this.#http = http;
    http.keepAliveTimeout = KEEP_ALIVE_MS;
    http.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    if (http === undefined) return;
    await new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
