import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom } from '@runner/core';
import { createBridge, createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { WebSocketServer } from 'ws';
import type { OwnMemory } from '../measure/memory.ts';
import { collectedMemory } from '../measure/memory.ts';
import { serve } from '../measure/questions.ts';

/** Holds idle agents: by the bridge, or as sockets of a bare WebSocket server. */
export interface IdleServer {
  /** Listens, and says where. */
  listen(kind: 'bridge' | 'bare'): Promise<string>;
  connected(): number;
  /** Memory as it is, with whatever waits to be collected. */
  memory(): OwnMemory;
  /** Memory after a forced collection. */
  collectedMemory(): Promise<OwnMemory>;
  /** Milliseconds of processor time used so far. */
  processorMs(): number;
}

let count = (): number => 0;

serve<IdleServer>({
  listen: (kind) => {
    const server = createServer();
    count = kind === 'bridge' ? serveBridge(server) : serveBare(server);
    return new Promise((resolve) => {
      // Many connect at once.
      server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
        resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`),
      );
    });
  },
  connected: () => count(),
  memory: () => {
    const { rss, heapUsed } = process.memoryUsage();
    return { rss, heapUsed };
  },
  collectedMemory,
  processorMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
});

/** The bridge as anybody would embed it, default timings. */
function serveBridge(server: Server): () => number {
  const clock = systemClock();
  const runs = createMemoryRunBook({ clock });
  let connected = 0;
  const bridge = createBridge({
    runs,
    agents: createMemoryAgentBook({ clock, runs }),
    bus: createMemoryBus(),
    clock,
    random: systemRandom(),
    controlPlaneId: 'bench',
    replicaId: 'bench-1',
    observer: { connected: () => (connected += 1), disconnected: () => (connected -= 1) },
  });
  attachWebSocketServer(server, {
    authenticate: () => Promise.resolve({ identity: { subject: 'bench' } }),
    accept: (socket, identity) => bridge.accept(socket, identity),
  });
  return () => connected;
}

/** What the library itself costs: sockets that said one thing and are idle. */
function serveBare(server: Server): () => number {
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (ws) => {
    ws.on('error', () => undefined);
    ws.on('message', () => undefined);
  });
  return () => sockets.clients.size;
}
