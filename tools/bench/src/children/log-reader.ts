import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom } from '@runner/core';
import { createBridge, createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { WebSocketServer } from 'ws';
import { runIdOf } from '../benches/frames.ts';
import { serve } from '../measure/questions.ts';

/** What a log was read with. */
export interface Read {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Reads logs: from an agent through the bridge, and from a bare WebSocket. */
export interface LogReader {
  /** Listens, and says where. */
  bridge(): Promise<string>;
  bare(): Promise<string>;
  /** The whole log of this agent once it is connected, as fast as it comes. */
  readFromAgent(agentId: string): Promise<Read>;
  /** Everything one sender sends after `go`. */
  readFromBare(bytes: number): Promise<Read>;
}

const clock = systemClock({ keepAlive: true });
const runs = createMemoryRunBook({ clock });
let connected: (() => void) | undefined;
const isConnected = new Promise<void>((resolve) => (connected = resolve));
const bridge = createBridge({
  runs,
  agents: createMemoryAgentBook({ clock, runs }),
  bus: createMemoryBus(),
  clock,
  random: systemRandom(),
  controlPlaneId: 'bench',
  replicaId: 'bench-1',
  observer: { connected: () => connected?.(), changed: () => connected?.() },
});
const bareServer = new WebSocketServer({ noServer: true, perMessageDeflate: false });

serve<LogReader>({
  bridge: async () => {
    const server = createServer();
    attachWebSocketServer(server, {
      authenticate: () => Promise.resolve({ identity: { subject: 'bench' } }),
      accept: (socket, identity) => bridge.accept(socket, identity),
    });
    return listen(server);
  },
  bare: async () => {
    const server = createServer();
    server.on('upgrade', (request, socket, head) => {
      bareServer.handleUpgrade(request, socket, head, (ws) => bareServer.emit('connection', ws, request));
    });
    return listen(server);
  },
  readFromAgent: async (agentId) => {
    await isConnected;
    const signal = new AbortController().signal;
    const began = clock.monotonic();
    let bytes = 0;
    for await (const piece of bridge.readLog(agentId, { runId: runIdOf(1), fromByte: 0, follow: true, signal })) {
      if (piece.kind === 'chunk') bytes += piece.data.length;
    }
    return { bytes, milliseconds: clock.monotonic() - began };
  },
  readFromBare: (wanted) =>
    new Promise((resolve, reject) => {
      bareServer.once('connection', (ws) => {
        const began = clock.monotonic();
        let bytes = 0;
        ws.once('error', reject);
        ws.on('message', (data: Buffer) => {
          // A text frame is read as text.
          bytes += data.toString().length;
          if (bytes < wanted) return;
          ws.terminate();
          resolve({ bytes, milliseconds: clock.monotonic() - began });
        });
        ws.send('go');
      });
    }),
});

function listen(server: ReturnType<typeof createServer>): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}
