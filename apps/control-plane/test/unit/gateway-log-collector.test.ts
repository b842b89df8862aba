import { silentLogger } from '@runner/core';
import type { TestClock } from '@runner/core/testing';
import { testClock, testRandom } from '@runner/core/testing';
import type { ConnectedAgent, LogPiece, LogReadOptions } from '@runner/protocol/server';
import { sampleHello } from '@runner/protocol/testing';
import { describe, expect, test } from 'vitest';
import type { LogCollector } from '../../src/gateway/log-collector.ts';
import { createLogCollector } from '../../src/gateway/log-collector.ts';
import { createTasks } from '../../src/gateway/tasks.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { memoryStore } from '../support/memory-store.ts';
import { newRun } from '../support/run-fixtures.ts';

const AGENT = 'berlin';

const session = (sessionId: string, role: ConnectedAgent['role'] = 'active'): ConnectedAgent => ({
  agentId: AGENT,
  instanceId: 'i',
  sessionId,
  role,
  epoch: 1,
  hello: sampleHello({ agentId: AGENT }),
  identity: { subject: 'x' },
  connectedAt: 0,
  lastSeenAt: 0,
  draining: false,
});

/** One stream that the collector has open. */
interface Stream {
  readonly options: LogReadOptions;
  give(piece: LogPiece): void;
}

interface Scene {
  readonly clock: TestClock;
  readonly store: MemoryStore;
  readonly collector: LogCollector;
  readonly open: Map<string, Stream>;
  readonly asked: { readonly runId: string; readonly fromByte: number }[];
  readonly run: () => Promise<string>;
}

function scene(atOnce = 3): Scene {
  const clock = testClock();
  const store = memoryStore(clock);
  const open = new Map<string, Stream>();
  const asked: { runId: string; fromByte: number }[] = [];
  async function* readLog(_agentId: string, options: LogReadOptions): AsyncGenerator<LogPiece, void> {
    const pieces: LogPiece[] = [];
    let wake: () => void = () => undefined;
    options.signal.addEventListener('abort', () => wake());
    asked.push({ runId: options.runId, fromByte: options.fromByte });
    open.set(options.runId, {
      options,
      give: (piece) => {
        pieces.push(piece);
        wake();
      },
    });
    try {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) yield piece;
        if (piece?.kind === 'end') return;
        if (options.signal.aborted) {
          yield { kind: 'end', rawTo: 0, reason: 'session' };
          return;
        }
        if (pieces.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      open.delete(options.runId);
    }
  }
  const collector = createLogCollector({
    bridge: { readLog },
    logs: store.logs,
    runs: store.runBook,
    uncollected: (...args) => store.runs.uncollected(...args),
    tasks: createTasks(silentLogger),
    clock,
    random: testRandom(),
    logger: silentLogger,
    atOnce,
  });
  return {
    clock,
    store,
    collector,
    open,
    asked,
    run: async () => {
      const run = newRun({ record: { agentId: AGENT, state: 'running', offered: true, accepted: true } });
      await store.runs.create(run);
      return run.record.runId;
    },
  };
}

const complete = (rawTo: number): LogPiece => ({ kind: 'end', rawTo, reason: 'complete' });

describe('the log collector', () => {
  test('reads no more logs of an agent at once than it may, and takes the next when one ends', async () => {
    const { clock, collector, open, asked, run, store } = scene(3);
    const runIds = [await run(), await run(), await run(), await run(), await run()];
    collector.observer.connected?.(session('one'));
    await clock.settle();
    expect(open.size).toBe(3);
    const first = [...open.keys()][0]!;
    open.get(first)!.give(complete(0));
    await clock.settle();
    expect(open.size).toBe(3);
    expect(asked).toHaveLength(4);
    expect(await store.logs.state(first, 'pulled')).toMatchObject({ closed: true });
    for (let round = 0; round < 2; round += 1) {
      for (const stream of open.values()) stream.give(complete(0));
      await clock.settle();
    }
    expect(new Set(asked.map(({ runId }) => runId))).toEqual(new Set(runIds));
    expect(open.size).toBe(0);
    collector.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('begins with a run when it is accepted, not before, and only in the active session', async () => {
    const { clock, collector, open, run, store } = scene();
    collector.observer.connected?.(session('waiting', 'standby'));
    const runId = await run();
    const after = (await store.runBook.get(runId))!;
    collector.observer.runChanged?.({ ...after, accepted: false }, after);
    await clock.settle();
    expect(open.size).toBe(0);
    collector.observer.changed?.(session('waiting', 'active'));
    await clock.settle();
    expect([...open.keys()]).toEqual([runId]);
    const second = await run();
    const accepted = (await store.runBook.get(second))!;
    collector.observer.runChanged?.({ ...accepted, accepted: false }, accepted);
    collector.observer.runChanged?.(accepted, { ...accepted, priority: 5 });
    await clock.settle();
    expect([...open.keys()]).toEqual([runId, second]);
    collector.stop();
  });

  test('stops with the session, stores what it had, and goes on from there in the next', async () => {
    const { clock, collector, open, asked, run, store } = scene();
    const runId = await run();
    collector.observer.connected?.(session('one'));
    await clock.settle();
    open.get(runId)!.give({ kind: 'chunk', rawFrom: 0, rawTo: 4, data: 'one\n', continued: false });
    await clock.settle();
    open.get(runId)!.give({ kind: 'chunk', rawFrom: 4, rawTo: 8, data: 'two\n', continued: false });
    collector.observer.disconnected?.(session('one'), 1006, '');
    await clock.advance(1_000);
    expect(open.size).toBe(0);
    collector.observer.connected?.(session('two'));
    await clock.settle();
    const from = (await store.logs.state(runId, 'pulled'))!.rawTo;
    expect(asked.at(-1)).toEqual({ runId, fromByte: from });
    expect(from).toBeGreaterThanOrEqual(4);
    // The end of an older session must not end the newer one.
    collector.observer.disconnected?.(session('one'), 1006, '');
    await clock.settle();
    expect(open.size).toBe(1);
    collector.stop();
  });

  test('tries again later, ever more slowly, what the agent cannot give, and lets others have the turn', async () => {
    const { clock, collector, open, asked, run } = scene(1);
    const [unready, ready] = [await run(), await run()];
    collector.observer.connected?.(session('one'));
    await clock.settle();
    const first = [...open.keys()][0]!;
    open.get(first)!.give({ kind: 'end', rawTo: 0, reason: 'unavailable' });
    await clock.settle();
    const other = first === unready ? ready : unready;
    expect([...open.keys()]).toEqual([other]);
    open.get(other)!.give(complete(0));
    await clock.advance(120_000);
    expect(open.has(first)).toBe(true);
    for (let n = 0; n < 12; n += 1) {
      open.get(first)?.give({ kind: 'end', rawTo: 0, reason: 'unavailable' });
      await clock.advance(61_000);
    }
    const times = asked.filter(({ runId }) => runId === first).length;
    expect(times).toBeGreaterThan(8);
    await clock.advance(600_000);
    collector.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('waits for the store when it is away', async () => {
    const { clock, collector, open, run, store } = scene();
    const runId = await run();
    collector.observer.connected?.(session('one'));
    await clock.settle();
    store.setAvailable(false);
    open.get(runId)!.give({ kind: 'chunk', rawFrom: 0, rawTo: 4, data: 'one\n', continued: false });
    open.get(runId)!.give(complete(4));
    await clock.advance(3_000);
    store.setAvailable(true);
    await clock.advance(120_000);
    open.get(runId)!.give({ kind: 'chunk', rawFrom: 0, rawTo: 4, data: 'one\n', continued: false });
    open.get(runId)!.give(complete(4));
    await clock.advance(1_000);
    expect(await store.logs.read(runId, 0)).toMatchObject({ text: 'one\n', closed: true });
    collector.stop();
  });
});
