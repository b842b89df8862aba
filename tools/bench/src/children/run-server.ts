import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom } from '@runner/core';
import { createBridge, createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { configOf, runIdOf } from '../benches/frames.ts';
import { serve } from '../measure/questions.ts';

/** A control plane in memory that hands out runs to one agent. */
export interface RunServer {
  /** Listens, and says where. */
  listen(): Promise<string>;
  /** Resolves once this agent is active. */
  untilActive(agentId: string): Promise<void>;
  /** Resolves once that many new runs are accepted. */
  untilAccepted(agentId: string, runs: number): Promise<void>;
  /** From now on the log of each run is followed from its acceptance on, as the real control plane does. */
  followLogs(agentId: string): void;
  /** Resolves once that many logs have said something. */
  untilHeard(count: number): Promise<void>;
  /** Resolves once every run that was accepted has ended. */
  untilAllEnded(): Promise<void>;
  /** Resolves once that many new runs have ended and the agent was told to forget them. */
  untilForgotten(agentId: string, runs: number): Promise<void>;
}

const CONFIG_BYTES = 8_192;
/** Shorter than the usual minute: a level also ends what the agent remembers of runs that are over. */
const LEVEL_INTERVAL_MS = 10_000;

const clock = systemClock({ keepAlive: true });
const runs = createMemoryRunBook({ clock });
const watchers = new Set<() => void>();
const look = (): void => {
  for (const watcher of watchers) watcher();
};
/** Not yet looked at. */
const accepted = new Set<string>();
const ended = new Set<string>();
const bridge = createBridge({
  runs,
  agents: createMemoryAgentBook({ clock, runs }),
  bus: createMemoryBus(),
  clock,
  random: systemRandom(),
  controlPlaneId: 'bench',
  replicaId: 'bench-1',
  levelIntervalMs: LEVEL_INTERVAL_MS,
  observer: {
    connected: look,
    changed: look,
    runChanged: (before, after) => {
      if (after.accepted && before?.accepted !== true) {
        accepted.add(after.runId);
        if (following !== undefined) void follow(following, after.runId);
      }
      if (after.endedAt !== undefined && before?.endedAt === undefined) ended.add(after.runId);
      queueMicrotask(look);
    },
  },
});
let submitted = 0;
let following: string | undefined;
const heard = new Set<string>();

async function follow(agentId: string, runId: string): Promise<void> {
  const { signal } = new AbortController();
  for await (const piece of bridge.readLog(agentId, { runId, fromByte: 0, follow: true, signal })) {
    if (piece.kind !== 'chunk') continue;
    heard.add(runId);
    look();
  }
}

serve<RunServer>({
  listen: () => {
    const server = createServer();
    attachWebSocketServer(server, {
      authenticate: () => Promise.resolve({ identity: { subject: 'bench' } }),
      accept: (socket, identity) => bridge.accept(socket, identity),
    });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`));
    });
  },
  untilActive: (agentId) => until(() => bridge.connected(agentId).some(({ role }) => role === 'active')),
  untilAccepted: (agentId, count) => {
    const runIds = submit(agentId, count);
    return until(() => runIds.every((runId) => accepted.has(runId)));
  },
  followLogs: (agentId) => {
    following = agentId;
  },
  untilHeard: (count) => until(() => heard.size >= count),
  untilAllEnded: () => until(() => [...accepted].every((runId) => ended.has(runId))),
  untilForgotten: async (agentId, count) => {
    const runIds = submit(agentId, count);
    await until(() => runIds.every((runId) => ended.has(runId)));
    for (const runId of runIds) {
      bridge.discard(agentId, runId);
      runs.remove(runId);
      accepted.delete(runId);
      ended.delete(runId);
    }
  },
});

function submit(agentId: string, count: number): readonly string[] {
  const runIds = Array.from({ length: count }, () => runIdOf((submitted += 1)));
  for (const runId of runIds) {
    const config = configOf(CONFIG_BYTES);
    const words = { kind: 'pipeline', pipelineType: 'metadata', name: 'nightly', fqn: 'shop.nightly' } as const;
    runs.submit({ runId, ...words, config, deadlineSeconds: 7_200, priority: 0 }, agentId);
  }
  bridge.nudge(agentId);
  return runIds;
}

function until(isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!isSo()) return;
      watchers.delete(check);
      resolve();
    };
    watchers.add(check);
    check();
  });
}
