import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';

/** The listening HTTP server, before anybody serves anything on it. */
export interface Door {
  readonly server: Server;
  /** How this host reaches it. */
  readonly url: string;
  /** From now on requests go to this handler. Not before it is ready for them. */
  serve(handler: RequestListener): void;
  /**
   * Takes no new connections, lets answers under way end for a moment, then cuts what is left (streams have no end of
   * their own). Connections that were upgraded are not its business. Calling it again waits for the same.
   */
  close(): Promise<void>;
}

/** How long answers under way may take when the door closes. */
const GRACE_MS = 3_000;

/**
 * Listens at once, so that the address is known before the database is up and a taken port is said first. Until `serve`
 * everything is answered with 503, except `/healthz`: the process is alive.
 */
export async function openDoor(host: string, port: number, clock: Clock): Promise<Door> {
  let handler: RequestListener = answerStarting;
  const answers = countAnswers();
  const server = createServer((request, response) => {
    answers.add(response);
    handler(request, response);
  });
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    server.close();
    server.closeIdleConnections();
    const done = new AbortController();
    await Promise.race([answers.given(), clock.sleep(GRACE_MS, done.signal)]);
    done.abort();
    server.closeAllConnections();
  };
  return {
    server,
    url: `http://${reachable(host)}:${address.port}`,
    serve: (next) => {
      handler = next;
    },
    close: () => (closing ??= close()),
  };
}

/** Knows whether an answer is under way. */
function countAnswers(): { add(response: ServerResponse): void; given(): Promise<void> } {
  const open = new Set<ServerResponse>();
  let tell: () => void = () => undefined;
  return {
    add: (response) => {
      open.add(response);
      response.once('close', () => {
        open.delete(response);
        if (open.size === 0) tell();
      });
    },
    given: () =>
      new Promise((resolve) => {
        tell = resolve;
        if (open.size === 0) resolve();
      }),
  };
}

function answerStarting(request: { readonly url?: string | undefined }, response: ServerResponse): void {
  const healthy = request.url === '/healthz';
  response.writeHead(healthy ? 200 : 503, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...(healthy ? {} : { 'retry-after': '1' }),
  });
  response.end(
    healthy ? '{"status":"starting"}' : '{"code":"starting","message":"The control plane is starting; try again."}',
  );
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new RunnerError('cannot_listen', `the control plane cannot listen on ${host} port ${port}`, {
          cause: error,
          hint:
            error.code === 'EADDRINUSE'
              ? 'Another program uses this port; choose another PORT, or 0 for any free one.'
              : 'Check HOST and PORT.',
        }),
      );
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

/** A wildcard address is no address to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return '127.0.0.1';
  return isIPv6(host) ? `[${host}]` : host;
}
