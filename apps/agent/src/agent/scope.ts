import { backoffDelay, isAbort, messageOf } from '@runner/core';
import type { Clock, Logger, Random } from '@runner/core';
import type { Executor, ExecutorScope } from '@runner/executor';

export interface FindScopeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const BACKOFF = { floorMs: 1_000, capMs: 30_000 };

/**
 * Asks the executor where it works until it answers: without a scope nothing can be said about workloads, so there is no
 * use in connecting before.
 * @returns undefined when the signal was aborted
 */
export async function findScope(executor: Executor, options: FindScopeOptions): Promise<ExecutorScope | undefined> {
  const { clock, random, logger, signal } = options;
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      return await executor.scope(signal);
    } catch (error) {
      if (isAbort(error)) return undefined;
      if (attempt === 0) logger.error('the executor does not say where it works; it is asked again', { error });
      else logger.debug('the executor still does not say where it works', { error: messageOf(error) });
    }
    await clock.sleep(backoffDelay(attempt, BACKOFF, random), signal).catch(() => undefined);
  }
  return undefined;
}
