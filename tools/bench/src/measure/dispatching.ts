import type { Clock, Random } from '@runner/core';
import { createDispatcher } from '@runner/dispatch';
import type { Dispatcher } from '@runner/dispatch';
import type { Executor } from '@runner/executor';
import type { KubeObserver } from '@runner/kube';
import { testRunSpec } from '@runner/executor/testing';
import { configOf, runIdOf } from '../benches/frames.ts';
import type { Made } from './rounds.ts';
import { stopwatch } from './rounds.ts';

const CONFIG_BYTES = 8_192;
const CONTROL_PLANE = 'bench';

/** A dispatcher that nobody stands in front of: what it answers is counted here. */
export interface Dispatching {
  readonly open: (executor: Executor) => void;
  /** Starts that many runs at once: from the first start to the last answer. */
  readonly dispatch: (count: number) => Promise<Made>;
  /** For the clients of the executor: counts what they are refused for now. */
  readonly observer: KubeObserver;
  /** Resolves once that many runs have ended. */
  readonly untilEnded: (count: number) => Promise<void>;
}

export interface DispatchingOptions {
  readonly agentId: string;
  readonly mostRuns: number;
  readonly clock: Clock;
  readonly random: Random;
}

export function createDispatching({ agentId, mostRuns, clock, random }: DispatchingOptions): Dispatching {
  const nothing = (): void => undefined;
  const owner = { controlPlaneId: CONTROL_PLANE, agentId };
  const ended = new Set<string>();
  let dispatcher: Dispatcher | undefined;
  let started = 0;
  let throttled = 0;
  let onAccepted = nothing;
  let onEnded = nothing;
  return {
    open: (executor) => {
      dispatcher = createDispatcher({
        executor,
        agentId,
        limits: { total: mostRuns },
        startDeadlineSeconds: () => Infinity,
        reporter: {
          accepted: () => onAccepted(),
          refused: nothing,
          waiting: nothing,
          cancelled: nothing,
          observed: (seen) => {
            if (seen.presence !== 'present' || seen.phase !== 'ended') return;
            ended.add(seen.runId);
            onEnded();
          },
          ending: nothing,
          slotsChanged: nothing,
        },
        clock,
        random,
      });
      dispatcher.activate({ controlPlaneId: CONTROL_PLANE, epoch: 1 });
    },
    dispatch: async (count) => {
      const config = configOf(CONFIG_BYTES);
      const specs = Array.from({ length: count }, () => testRunSpec({ runId: runIdOf((started += 1)), owner, config }));
      const watch = stopwatch(clock);
      const before = throttled;
      let accepted = 0;
      await new Promise<void>((resolve) => {
        onAccepted = () => {
          accepted += 1;
          if (accepted === count) resolve();
        };
        for (const spec of specs) dispatcher?.start(spec);
      });
      return { ...watch(), count, throttled: throttled - before };
    },
    observer: {
      called: ({ status }) => {
        if (status === 429) throttled += 1;
      },
    },
    untilEnded: (count) =>
      new Promise((resolve) => {
        onEnded = () => {
          if (ended.size >= count) resolve();
        };
        onEnded();
      }),
  };
}
