import { testClock } from '@runner/core/testing';
import { executorError } from '@runner/executor';
import { recordingReporter } from '@runner/dispatch/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Agent } from '../support/agent.ts';
import { agent } from '../support/agent.ts';
import { controlPlane } from '../support/control-plane.ts';
import type { Operation } from '../support/workloads.ts';
import { workloads } from '../support/workloads.ts';

const RUNS = ['a', 'b', 'c', 'd', 'e'] as const;
const LIMITS = { total: 3, types: { profiler: 1 } };
const OPERATIONS: readonly Operation[] = ['submit', 'end', 'observe', 'list'];

type Step =
  | { readonly do: 'trigger' | 'restart-start' | 'cancel' | 'run' | 'finish' | 'finish-unseen'; readonly runId: string }
  | { readonly do: 'fail' | 'hold' | 'release'; readonly operation: Operation }
  | { readonly do: 'offer' | 'level' | 'disconnect' | 'reconnect' | 'kill' | 'break-watch' | 'stale' | 'settle' }
  | { readonly do: 'wait'; readonly ms: number };

const run = fc.constantFrom(...RUNS);
const operation = fc.constantFrom(...OPERATIONS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('trigger' as const), runId: run }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('restart-start' as const, 'cancel', 'run', 'finish', 'finish-unseen'),
      runId: run,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'hold', 'release'), operation }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'offer' as const,
        'offer',
        'level',
        'disconnect',
        'reconnect',
        'kill',
        'break-watch',
        'stale',
        'settle',
        'settle',
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }) },
);

const typeOf = (runId: string): string => (runId < 'c' ? 'profiler' : 'metadata');

/** One history: a control plane, an agent that is replaced when it dies, and the place where workloads stand. */
function history() {
  const clock = testClock();
  const world = workloads(clock);
  const server = controlPlane();
  let epoch = 0;
  const born = (): Agent => {
    const self: Agent = agent({
      clock,
      world,
      limits: LIMITS,
      epoch: 'none',
      reporter: recordingReporter((said) => server.hear(self.dispatcher, said)),
    });
    return self;
  };
  let present = born();
  const connect = (): void => {
    epoch += 1;
    present.dispatcher.activate({ controlPlaneId: 'cp-1', epoch });
    server.connect(present.dispatcher);
  };
  const disconnect = (): void => {
    server.disconnect();
    present.dispatcher.deactivate('the session is lost');
  };
  connect();
  return {
    clock,
    world,
    server,
    connect,
    disconnect,
    kill: (): Promise<void> => {
      server.disconnect();
      const closed = present.dispatcher.close();
      present = born();
      connect();
      return closed;
    },
    present: () => present,
  };
}

type History = ReturnType<typeof history>;

function play(h: History, what: Step, pending: Promise<unknown>[]): void {
  const { world, server } = h;
  const live = (runId: string): boolean => (world.get(runId)?.phase ?? 'ended') !== 'ended';
  switch (what.do) {
    case 'trigger':
      server.trigger(what.runId, typeOf(what.runId));
      break;
    case 'restart-start': {
      const row = server.rows.get(what.runId);
      if (row?.end === undefined && row?.want === 'run' && h.present().dispatcher.snapshot().active)
        h.present().dispatcher.start(row.spec);
      break;
    }
    case 'cancel':
      server.cancel(what.runId);
      break;
    case 'run':
      if (world.get(what.runId)?.phase === 'pending') world.run(what.runId);
      break;
    case 'finish':
    case 'finish-unseen':
      if (live(what.runId)) world.change(what.runId, { phase: 'ended' }, what.do === 'finish-unseen');
      break;
    case 'fail':
      world.fail(what.operation, executorError('executor_unavailable', 'down'));
      break;
    case 'hold':
      world.hold(what.operation);
      break;
    case 'release':
      world.release(what.operation);
      break;
    case 'offer':
      server.offer();
      break;
    case 'level':
      pending.push(server.exchange());
      break;
    case 'disconnect':
      h.disconnect();
      break;
    case 'reconnect':
      h.connect();
      break;
    case 'kill':
      pending.push(h.kill());
      break;
    case 'break-watch':
      world.breakWatches(new Error('connection reset'));
      break;
    case 'stale':
      world.fresh = !world.fresh;
      break;
    case 'settle':
    case 'wait':
      break;
  }
}

/** Everything works again, and time passes: by then all must be right. */
async function heal(h: History, pending: Promise<unknown>[]): Promise<void> {
  const { world, server, clock } = h;
  for (const each of OPERATIONS) world.release(each);
  world.healed();
  world.fresh = true;
  await clock.advance(120_000);
  await Promise.all(pending);
  h.connect();
  for (let round = 0; round < 6; round += 1) {
    const exchange = server.exchange();
    await clock.advance(1_000);
    await exchange;
    server.offer();
    await clock.advance(60_000);
    for (const [runId, row] of server.rows) {
      if (row.want === 'run' && (world.get(runId)?.phase ?? 'ended') !== 'ended') world.finish(runId);
    }
    await clock.advance(60_000);
  }
}

function check(h: History): void {
  const { world, server } = h;
  for (const [runId, row] of server.rows) {
    expect(world.created(runId), `${runId} was created once at most`).toBeLessThanOrEqual(1);
    const truth = world.get(runId)?.outcome?.result ?? 'cancelled';
    expect(row.end, `${runId} ended as its workload did`).toBe(truth);
    if (row.want === 'run') expect(world.created(runId), `${runId} was carried out`).toBe(1);
  }
  // A submit that was given up on may create late, beside the slots of the next session; nothing else exceeds the cap.
  expect(world.peak).toBeLessThanOrEqual(LIMITS.total + world.late);
  expect(h.present().dispatcher.snapshot()).toMatchObject({
    inFlight: 0,
    live: 0,
    waiting: {},
    slots: { free: LIMITS.total, types: { profiler: { free: 1 } } },
  });
  expect(h.present().events.filter((event) => event.startsWith('impossible'))).toEqual([]);
}

describe('any order of starts, cancels, levels, observations, failures, lost sessions and restarts', () => {
  it(
    'loses no run, doubles none, ends each as its workload ended and leaks no slot',
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 120 }), async (steps) => {
          const h = history();
          const pending: Promise<unknown>[] = [];
          for (const what of steps) {
            play(h, what, pending);
            if (what.do === 'settle') await h.clock.settle();
            if (what.do === 'wait') await h.clock.advance(what.ms);
          }
          await heal(h, pending);
          check(h);
          await h.present().dispatcher.close();
          expect(h.clock.pendingTimers).toBe(0);
        }),
        { numRuns: 2_000 },
      );
    },
  );
});
