import { isRunnerError, messageOf } from '@runner/core';
import type { Executor, Observation, WorkloadOwner } from '@runner/executor';
import { keyedLock } from './keyed-lock.ts';
import { discardRun, endRun, logsOfRun, observeRun, submitRun, sweepOwner, watchOwner } from './operations.ts';
import type { LocalExecutorOptions } from './options.ts';
import { localParts, operation } from './parts.ts';
import { localPreflight } from './preflight.ts';
import { runProbe } from './probing.ts';

/** Runs ingestion as child processes of this machine, each with a supervisor that outlives the agent. */
export interface LocalExecutor extends Executor {
  /**
   * Removes records of this owner's runs that ended longer ago than the time to live. A watch does it once a day by
   * itself. Returns how many went.
   */
  sweep(owner: WorkloadOwner, signal: AbortSignal): Promise<number>;
}

export function createLocalExecutor(options: LocalExecutorOptions): LocalExecutor {
  const closing = new AbortController();
  const parts = localParts(options, closing.signal);
  const oneAtATime = keyedLock();
  const run = <T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
    operation(parts, name, signal, work);

  return {
    kind: 'local',
    scope: (signal) => run('scope', signal, () => parts.place.scope()),
    preflight: (signal) => run('preflight', signal, () => localPreflight(parts.place, parts.options)),
    probe: (probe, signal) => run('probe', signal, () => runProbe(probe, parts.options, signal)),
    submit: (spec, signal) =>
      run('submit', signal, () => oneAtATime(spec.runId.toLowerCase(), () => submitRun(parts, spec, signal))),
    end: (runId, intent, signal) => run('end', signal, () => endRun(parts, runId, intent)),
    observe: (runId, signal) =>
      run('observe', signal, () => observeRun(parts, runId)).catch((error: unknown): Observation => {
        if (isRunnerError(error, 'aborted')) throw error;
        return { presence: 'unknown', runId, observedAt: parts.clock.now(), reason: messageOf(error) };
      }),
    list: (owner, signal) =>
      run('list', signal, async () => ({ observations: await parts.runs.list(owner), fresh: true })),
    watch: (owner, onObservation, signal) => watchOwner(parts, owner, onObservation, signal),
    logs: (runId, log) => logsOfRun(parts, runId, log),
    discard: (runId, signal) => run('discard', signal, () => discardRun(parts, runId)),
    sweep: (owner, signal) => run('sweep', signal, () => sweepOwner(parts, owner, signal)),
    close: async () => {
      closing.abort();
      await Promise.resolve();
    },
  };
}
