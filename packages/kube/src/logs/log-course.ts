import { backoffDelay, isRunnerError, silentLogger } from '@runner/core';
import { kubeError } from '../errors.ts';
import { createOutage, retryAfterMs } from '../watch/outage.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogCursor } from './log-cursor.ts';
import { pause } from './pause.ts';
import type { PodLogReadOptions } from './read-pod-log.ts';

/** `lost`: it is over, and something may be missing at the end. */
export type LogNext = 'again' | 'over' | 'lost';

/** Decides what follows from a connection, and waits as long as that takes. */
export interface LogCourse {
  /** Throws when trying again is no use. */
  after(connection: LogConnection): Promise<LogNext>;
}

/** Between two tries. */
const BACKOFF = { floorMs: 1_000, capMs: 15_000 } as const;
/** Failed tries in a row, of a reader that does not follow or whose container has ended. */
const MOST_TRIES = 3;
/** For how long the log of an ended container is tried to be had. */
const GIVE_UP_MS = 120_000;
/** How long the end of a container is waited for when its stream has ended. */
const SETTLE_MS = 5_000;
/** An end that shows so soon after that of the stream caused it. */
const PROMPT_MS = 2_000;
const SETTLE_STEP_MS = 500;
/** An output of so many bytes may have been rotated: clusters are rarely told to keep less in one file. */
const ROTATED_FROM_BYTES = 1_048_576;

export function createLogCourse(options: PodLogReadOptions, cursor: LogCursor): LogCourse {
  const { clock, random, follow, signal, changed, ended } = options;
  const outage = createOutage((options.logger ?? silentLogger).child({ pod: options.pod }), {
    failed: 'Cannot read the log of a pod; trying again.',
    healthy: 'The log of a pod can be read again.',
  });
  /** Connections in a row that brought nothing new. */
  let fruitless = 0;
  let position = 0;
  /** Whether there may be more than the last connection gave. */
  let unsure = false;
  let checked = false;
  /** The last look, for nothing but what a rotation may have hidden. */
  let lookingBehindRotation = false;
  /** Whether the container was known to have ended before there was no log. */
  let endedBefore = false;
  let endedSince: number | undefined;

  const hasEnded = (): Promise<boolean> => ended(signal).catch(() => false);
  const waited = async (leastMs = 0): Promise<'again'> => {
    const delayMs = Math.max(backoffDelay(fruitless, BACKOFF, random), leastMs);
    fruitless += 1;
    await pause(clock, delayMs, signal, changed);
    return 'again';
  };

  const afterNothing = async (): Promise<LogNext> => {
    if (!follow || endedBefore) return unsure ? 'lost' : 'over';
    endedBefore = await hasEnded();
    // A short program begins and ends between the request and this question.
    return endedBefore ? 'again' : waited();
  };

  /** The stream of a container that ends is over a moment before the API shows the end. Undefined: it did not end. */
  const endedAfterMs = async (): Promise<number | undefined> => {
    const begin = clock.monotonic();
    while (!signal.aborted) {
      const over = await hasEnded();
      const waitedMs = clock.monotonic() - begin;
      if (over) return waitedMs;
      if (waitedMs >= SETTLE_MS) return undefined;
      await pause(clock, SETTLE_STEP_MS, signal, changed);
    }
    return undefined;
  };

  const afterEnd = async (): Promise<LogNext> => {
    outage.healthy();
    unsure = false;
    if (!follow) return 'over';
    const afterMs = await endedAfterMs();
    if (afterMs === undefined) return 'again';
    // API servers end a stream as if it were complete when the node's half of it breaks. Where that is likely enough, it
    // takes a look at what came after.
    const doubtful = cursor.withinLine || afterMs > PROMPT_MS;
    // Kubelets that are still reading a file when the next is begun may end the stream with the old one.
    const rotatable = cursor.position >= ROTATED_FROM_BYTES;
    // On a busy node the end of a short program is seen before its output is: nothing at all is looked at twice.
    const silent = cursor.position === 0;
    if (checked || !(doubtful || rotatable || silent)) return 'over';
    checked = true;
    lookingBehindRotation = rotatable && !doubtful;
    return 'again';
  };

  const afterFailure = async (error: unknown, lostTrack: boolean): Promise<LogNext> => {
    if (isRunnerError(error) && !error.retryable) throw error;
    unsure = true;
    outage.failed(error);
    const tries = fruitless + 1;
    const over = !follow || (await hasEnded());
    if (over) endedSince ??= clock.monotonic();
    const patience = follow && endedSince !== undefined ? clock.monotonic() - endedSince < GIVE_UP_MS : false;
    if (over && tries >= MOST_TRIES) {
      if (lostTrack) return 'lost';
      if (!patience) throw error;
    }
    return waited(retryAfterMs(error));
  };

  return {
    after: (connection) => {
      if (cursor.position > position) fruitless = 0;
      position = cursor.position;
      if (connection.kind === 'absent') return afterNothing();
      // Rotated after the last line.
      if (connection.kind === 'unproven' && lookingBehindRotation && cursor.empty) return Promise.resolve('over');
      if (connection.kind === 'complete') return afterEnd();
      if (connection.kind === 'silent') return Promise.resolve('again');
      if (connection.kind === 'failed') return afterFailure(connection.error, false);
      return afterFailure(
        kubeError('kube_server_error', 'the log that came is not the one that was read before'),
        true,
      );
    },
  };
}
