import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import { systemClock, systemRandom } from '@runner/core';
import type { Bridge, MemoryRunBook } from '@runner/protocol/server';
import { createBridge, createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { routes } from './routes.ts';

export interface Service {
  readonly server: Server;
  readonly bridge: Bridge;
  readonly runs: MemoryRunBook;
}

/** An ordinary Node service that agents can connect to: this function is all that it takes. */
export function createService(options: { readonly token: string; readonly controlPlaneId: string }): Service {
  const clock = systemClock();
  const runs = createMemoryRunBook({ clock });
  const bridge = createBridge({
    runs,
    agents: createMemoryAgentBook({ clock, runs }),
    bus: createMemoryBus(),
    clock,
    random: systemRandom(),
    controlPlaneId: options.controlPlaneId,
    replicaId: 'the-only-one',
  });
  const isOurs = (request: IncomingMessage): boolean => request.headers.authorization === `Bearer ${options.token}`;
  const server = createServer(guarded(isOurs, routes(runs, bridge)));
  attachWebSocketServer(server, {
    authenticate: (request) => Promise.resolve(isOurs(request) ? { identity: { subject: 'agent' } } : REFUSED),
    accept: (socket, identity) => bridge.accept(socket, identity),
  });
  return { server, bridge, runs };
}

const REFUSED = { refuse: { status: 401, code: 'unauthorized', message: 'This token is not ours.' } } as const;

function guarded(isOurs: (request: IncomingMessage) => boolean, listener: RequestListener): RequestListener {
  return (request, response) => {
    if (isOurs(request)) listener(request, response);
    else response.writeHead(401).end();
  };
}
