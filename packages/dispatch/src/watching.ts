import type { BackoffOptions, Clock, Logger, Random } from '@runner/core';
import { backoffDelay } from '@runner/core';
import type { Executor, Observation, WorkloadOwner } from '@runner/executor';
import { isAborted } from './aborted.ts';
import { dispatchError, problemOf } from './errors.ts';
import type { DispatchSnapshot } from './ports.ts';

/** A watch that lasted this long is believed to work although it had nothing to say. */
const TRUSTED_AFTER_MS = 10_000;

export interface WatchingOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: BackoffOptions;
  readonly logger: Logger;
  readonly onObservation: (observation: Observation) => void;
}

/** Keeps the executor's watch running for one owner, whatever the role: a standby that takes over is warm. */
export interface Watching {
  /**
   * Watches this owner from now on; for the present one nothing changes. When it is another than before, `forget` is called
   * before anything of the new one can be seen.
   */
  follow(owner: WorkloadOwner, forget: () => void): void;
  state(): DispatchSnapshot['watch'];
  /** Resolves when the watch has ended. */
  stop(): Promise<void>;
}

export function createWatching(options: WatchingOptions): Watching {
  const { executor, clock, random, retry, logger, onObservation } = options;
  let present: { owner: WorkloadOwner; stop: AbortController; ended: Promise<void> } | undefined;
  let state: DispatchSnapshot['watch'] = { state: 'off' };

  const run = async (owner: WorkloadOwner, signal: AbortSignal): Promise<void> => {
    let attempt = 0;
    const working = (): void => {
      if (signal.aborted) return;
      if (state.state === 'failing') logger.info('the executor can be watched again', { executor: executor.kind });
      state = { state: 'watching' };
      attempt = 0;
    };
    while (!signal.aborted) {
      const trust = clock.setTimer(TRUSTED_AFTER_MS, working);
      try {
        await executor.watch(
          owner,
          (observation) => {
            if (signal.aborted) return;
            trust.cancel();
            working();
            onObservation(observation);
          },
          signal,
        );
        if (!isAborted(signal)) throw dispatchError('executor_failed', 'the watch ended by itself');
      } catch (error) {
        if (isAborted(signal)) return;
        if (state.state !== 'failing') logger.error('watching the executor failed; it is tried again', { error });
        state = { state: 'failing', problem: problemOf(error) };
      } finally {
        trust.cancel();
      }
      await clock.sleep(backoffDelay(attempt, retry, random), signal).catch(() => undefined);
      attempt += 1;
    }
  };

  return {
    follow: (owner, forget) => {
      if (present?.owner.controlPlaneId === owner.controlPlaneId && present.owner.agentId === owner.agentId) return;
      present?.stop.abort('another control plane');
      if (present !== undefined) forget();
      const stop = new AbortController();
      state = { state: 'watching' };
      const all = Promise.all([present?.ended ?? Promise.resolve(), run(owner, stop.signal)]);
      present = { owner, stop, ended: all.then(() => undefined) };
    },
    state: () => state,
    stop: async () => {
      present?.stop.abort('stopped');
      state = { state: 'off' };
      await present?.ended;
    },
  };
}
