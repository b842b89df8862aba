import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '@runner/core';
import { silentLogger } from '@runner/core';
import { metricsError } from './errors.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** A read-only HTTP endpoint with a handful of paths; fits `createLifecycle` as a component. */
export interface Endpoint {
  readonly name: string;
  /** The port that is listened on; 0 before `start`. */
  readonly port: number;
  /** Rejects with `address_in_use` or `listen_failed`. */
  start(): Promise<void>;
  /**
   * Takes no more requests and waits for those under way; cuts them off when the signal is aborted. Idempotent, and
   * resolves for an endpoint that was never started.
   */
  stop(signal?: AbortSignal): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface EndpointOptions {
  readonly name: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Address to listen on. Default: every address of the host, as a scraper or kubelet comes from outside. */
  readonly host?: string;
  readonly logger?: Logger;
  /** Answers by path. A GET of another path is 404, another method 405. */
  readonly routes: Readonly<Record<string, () => Answer | Promise<Answer>>>;
}

/** Scrapers and probes are few; more than this is a mistake or an attack, and is turned away. */
const MOST_CONNECTIONS = 64;
/** A request has no body, so it is complete soon or never. */
const REQUEST_MS = 10_000;

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { name, logger = silentLogger } = options;
  const server = createServer((request, response) => void answer(request, response, options, () => !server.listening));
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;
  let stopped: Promise<void> | undefined;
  const stop = (signal?: AbortSignal): Promise<void> => {
    stopped ??= close(server);
    if (signal?.aborted === true) server.closeAllConnections();
    signal?.addEventListener('abort', () => server.closeAllConnections(), { once: true });
    return stopped;
  };
  return {
    name,
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? 0;
    },
    start: async () => {
      await listen(server, options);
      server.on('error', (error) => logger.error('an endpoint had an error', { endpoint: name, error }));
      server.on('clientError', (_error, socket) => socket.destroy());
      const { port } = server.address() as AddressInfo;
      logger.info('an endpoint is open', { endpoint: name, port, paths: Object.keys(options.routes) });
    },
    stop,
    [Symbol.asyncDispose]: () => stop(AbortSignal.abort()),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, name, logger = silentLogger }: EndpointOptions,
  stopping: () => boolean,
): Promise<void> {
  const { status, contentType, body } = await answerTo(request, routes).catch((error: unknown): Answer => {
    logger.error('an endpoint could not answer', { endpoint: name, error });
    return plain(500, 'internal error');
  });
  const headers = { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  response.writeHead(status, {
    ...headers,
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    // A connection kept alive would hold up the stop for as long as the client likes.
    ...(stopping() ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answerTo(request: IncomingMessage, routes: EndpointOptions['routes']): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'method not allowed');
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  return route === undefined ? plain(404, 'not found') : await route();
}

function plain(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function listen(server: Server, { name, port, host }: EndpointOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const where = `${name}: port ${port}${host === undefined ? '' : ` on ${host}`}`;
      reject(
        cause.code === 'EADDRINUSE'
          ? metricsError('address_in_use', `${where} is used by another program`, {
              cause,
              hint: 'Stop the other program or choose another port.',
            })
          : metricsError('listen_failed', `${where} cannot be listened on: ${cause.code ?? cause.message}`, {
              cause,
              hint: 'Ports below 1024 need a privilege; the address must be one of this host.',
            }),
      );
    };
    server.once('error', onError);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
