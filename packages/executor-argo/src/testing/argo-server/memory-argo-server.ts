import type { Clock } from '@runner/core';
import { Listener } from '@runner/core/testing';
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

/** Listens, and holds the parts together. */
export class MemoryArgoServer implements TestArgoServer {
  readonly calls: ArgoServerCall[] = [];
  readonly #faults = new ArgoFaults();
  readonly #handler: RequestHandler;
  readonly #listener: Listener;

  constructor(options: TestArgoServerOptions & { readonly clock: Clock }) {
    this.#handler = new RequestHandler({
      api: options.api,
      clock: options.clock,
      faults: this.#faults,
      version: options.version ?? 'v3.7.4',
      keepaliveMs: options.keepaliveMs ?? 15_000,
      record: (call) => this.calls.push(call),
    });
    this.#listener = new Listener((request, response) => this.#handler.handle(request, response), options.tls);
  }

  get url(): string {
    return this.#listener.url;
  }

  fault(fault: ArgoServerFault, target: ArgoFaultTarget = {}): () => void {
    if (fault.kind === 'stale_lists') this.#handler.freezeLists();
    return this.#faults.add(fault, target);
  }

  openStreams(call?: Extract<ArgoCall, 'watch' | 'log'>): number {
    return this.#faults.open(call);
  }

  async start(): Promise<void> {
    await this.#listener.open();
  }

  async stop(): Promise<void> {
    await this.#listener.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
