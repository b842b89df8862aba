import type { BackoffOptions, Clock, Logger, Random } from '@runner/core';
import { backoffDelay, isRunnerError } from '@runner/core';
import type { AbsentObservation, EndIntent, PresentObservation } from '@runner/executor';
import { isAborted } from './aborted.ts';
import type { ExecutorCalls } from './executor-calls.ts';
import type { FaultPoints } from './fault-points.ts';

export interface StandingRooms {
  readonly calls: ExecutorCalls;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: BackoffOptions;
  readonly logger: Logger;
  readonly at: FaultPoints;
}

/** What stands after the end was asked for; `undefined`: not known, because the signal was aborted or the executor refused. */
export type Ended = PresentObservation | AbsentObservation | undefined;

/**
 * Ends whatever stands for a run, in place, and says what is there then. Goes on through failures until it knows, for
 * "nothing exists" must never be a guess: absence is believed only when `end` and `observe` both say so after every
 * submit of the run has settled.
 */
export type EndStanding = (runId: string, intent: EndIntent, signal: AbortSignal) => Promise<Ended>;

export function createEndStanding(rooms: StandingRooms): EndStanding {
  const { calls, clock, random, retry, logger, at } = rooms;

  const once = async (runId: string, intent: EndIntent, signal: AbortSignal): Promise<Ended> => {
    await calls.submitSettled(runId, signal);
    const ended = await calls.end(runId, intent, signal);
    if (ended.presence === 'present') return ended;
    const looked = await calls.observe(runId, signal);
    // Present after all (it appeared between the two calls): the next round ends it.
    return looked.presence === 'absent' ? looked : undefined;
  };

  return async (runId, intent, signal) => {
    await at('before_end', runId);
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const ended = await once(runId, intent, signal);
        if (ended !== undefined) {
          await at('after_end', runId);
          return ended;
        }
      } catch (error) {
        if (isAborted(signal)) return undefined;
        if (isRunnerError(error) && !error.retryable) {
          logger.error('the executor will not end this run; the next level asks again', { runId, error });
          return undefined;
        }
        if (attempt === 0) logger.warn('ending a run failed and is tried again', { runId, error });
      }
      await clock.sleep(backoffDelay(attempt, retry, random), signal).catch(() => undefined);
    }
    return undefined;
  };
}
