import type { Clock } from '@runner/core';
import { systemClock } from '@runner/core';
import type { TestApiServer } from '@runner/kube/testing';
import { MemoryArgoServer } from './argo-server/memory-argo-server.ts';

/** What can be asked of an Argo Server. */
export type ArgoCall =
  'create' | 'get' | 'list' | 'watch' | 'delete' | 'stop' | 'terminate' | 'resume' | 'log' | 'version';

/** Something that goes wrong for the calls it matches, until it is taken back. */
export type ArgoServerFault =
  /** Answered with this status, in Argo's words; 429 may carry Retry-After. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** A page of something else. Default status 200. */
  | { readonly kind: 'html'; readonly status?: number }
  /** To a login page. */
  | { readonly kind: 'redirect' }
  /** The connection is cut before an answer. With `applied`, after the call did its work. */
  | { readonly kind: 'reset'; readonly applied?: boolean }
  /** No answer ever. Streams stay open and bring only signs of life of the server. */
  | { readonly kind: 'silence' }
  /** Streams that are open are cut. Happens once. */
  | { readonly kind: 'cut' }
  /** `--request-timeout` passes: open watches end, followed logs stay open and say nothing any more. Happens once. */
  | { readonly kind: 'request_timeout' }
  /** Lists show what stood when this began. */
  | { readonly kind: 'stale_lists' }
  /** Lists are empty and have no version, as those of a server that was just started. */
  | { readonly kind: 'unfilled_lists' };

export interface ArgoFaultTarget {
  /** Default: all. */
  readonly call?: ArgoCall;
  /** How many calls it hits. Default: until it is taken back. */
  readonly times?: number;
}

export interface ArgoServerCall {
  readonly call: ArgoCall | 'unknown';
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Path and query. */
  readonly path: string;
  /** 0 when there was no answer. */
  readonly status: number;
  /** What was sent, parsed. */
  readonly body: unknown;
}

export interface TestArgoServerOptions {
  /** Where the Workflows, pods and logs are; tokens and rights are those of this server. */
  readonly api: TestApiServer;
  /** What `/api/v1/version` says. Default `v3.7.4`. */
  readonly version?: string;
  /** Milliseconds between signs of life in streams. Default 15,000, as the real one. */
  readonly keepaliveMs?: number;
  /** TLS with this certificate and key (PEM). Default: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly clock?: Clock;
}

/**
 * An Argo Server in front of an API server in memory, on 127.0.0.1: the wire format of 3.7.4 as recorded from a real one,
 * including what it gets wrong (statuses that are lost, ends of watches that are errors, empty logs of pods that are not
 * there, pages that are counted off). Like the real one with `--auth-mode=client` it does everything with the token of the
 * call. It is no controller: Workflows stay as they are put.
 */
export interface TestArgoServer extends AsyncDisposable {
  /** Endpoint for `createArgoServerApi`; the token is one of `api.token()`. */
  readonly url: string;
  /** Makes something go wrong; the function takes it back. */
  fault(fault: ArgoServerFault, target?: ArgoFaultTarget): () => void;
  readonly calls: readonly ArgoServerCall[];
  /** Watches and logs that are open now. */
  openStreams(call?: 'watch' | 'log'): number;
  /** Stops listening and cuts everything; `start` begins again on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts one on a free port; dispose it, and the API server after it. */
export async function startTestArgoServer(options: TestArgoServerOptions): Promise<TestArgoServer> {
  const server = new MemoryArgoServer({ clock: systemClock(), ...options });
  await server.start();
  return server;
}
