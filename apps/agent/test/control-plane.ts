import type { Socket as NetSocket } from 'node:net';
import { systemClock, systemRandom } from '@runner/core';
import type { RunStart } from '@runner/protocol';
import { createBridge, createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import type { Bridge, ConnectedAgent, RunRecord } from '@runner/protocol/server';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { testServer } from './servers.ts';
import { changes, until } from './waiting.ts';

/** The real server half on a real socket, with books in memory. */
export interface TestControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly bridge: Bridge;
  submit(start: Partial<RunStart> & { readonly runId: string }): void;
  cancel(runId: string): void;
  row(runId: string): RunRecord | undefined;
  /** Resolves once the row says so. */
  until(what: string, runId: string, look: (row: RunRecord) => boolean): Promise<RunRecord>;
  /** Resolves once an agent is connected and active. */
  untilActive(): Promise<ConnectedAgent>;
  /** Stops reading what agents send, without closing anything. */
  freeze(): void;
  /** Resolves once the run has printed something. */
  untilPrinted(runId: string): Promise<void>;
  /** The whole log of a run. */
  log(runId: string): Promise<string>;
}

export const AGENT_ID = 'system-test';

export async function testControlPlane(): Promise<TestControlPlane> {
  const clock = systemClock();
  const news = changes();
  const runs = createMemoryRunBook({ clock });
  const bridge = createBridge({
    runs,
    agents: createMemoryAgentBook({ clock, runs }),
    bus: createMemoryBus(),
    clock,
    random: systemRandom(),
    controlPlaneId: '0c0ffee0-0000-4000-8000-000000000001',
    replicaId: 'replica-1',
    leaseMs: 2_000,
    observer: { runChanged: () => queueMicrotask(news.changed), connected: news.changed, changed: news.changed },
  });
  const server = await testServer(undefined);
  const sockets = new Set<NetSocket>();
  server.server.on('connection', (socket: NetSocket) => sockets.add(socket));
  attachWebSocketServer(server.server, {
    authenticate: () => Promise.resolve({ identity: { subject: 'test' } }),
    accept: (socket, identity) => bridge.accept(socket, identity),
    clock,
  });
  const row = (runId: string): RunRecord | undefined => runs.all().find((one) => one.runId === runId);
  return {
    url: server.url.replace('http', 'ws'),
    bridge,
    submit: ({ runId, ...rest }) => {
      const start = { kind: 'pipeline', pipelineType: 'metadata', name: 'nightly', fqn: 'shop.nightly' } as const;
      runs.submit({ ...start, config: {}, deadlineSeconds: 300, priority: 0, ...rest, runId }, AGENT_ID);
      bridge.nudge(AGENT_ID);
    },
    cancel: (runId) => {
      runs.cancel(runId);
      bridge.nudge(AGENT_ID);
    },
    row,
    until: (what, runId, look) =>
      until(what, news, () => {
        const found = row(runId);
        return found !== undefined && look(found) ? found : undefined;
      }),
    untilActive: () =>
      until('an active agent', news, () => bridge.connected(AGENT_ID).find((one) => one.role === 'active')),
    freeze: () => {
      for (const socket of sockets) socket.pause();
    },
    untilPrinted: async (runId) => {
      const signal = AbortSignal.timeout(30_000);
      for await (const piece of bridge.readLog(AGENT_ID, { runId, fromByte: 0, follow: true, signal })) {
        if (piece.kind === 'chunk') return;
      }
      throw new Error('the run printed nothing');
    },
    log: async (runId) => {
      let text = '';
      const signal = AbortSignal.timeout(30_000);
      for await (const piece of bridge.readLog(AGENT_ID, { runId, fromByte: 0, follow: true, signal })) {
        if (piece.kind === 'chunk') text += piece.data;
      }
      return text;
    },
    [Symbol.asyncDispose]: async () => {
      await bridge.close(AbortSignal.abort());
      await server[Symbol.asyncDispose]();
    },
  };
}
