import type { Clock, Timer } from '@runner/core';
import { abortError } from '@runner/core';

/**
 * The life of one call: aborted when the caller's signal is, or when the deadline passes. `signal.reason` is the error to
 * throw.
 */
export interface CallScope {
  readonly signal: AbortSignal;
  /** Monotonic time of the deadline, in milliseconds. */
  readonly deadline: number;
  /** Aborts it with this error, whatever the caller's signal says. */
  end(error: Error): void;
  /** No deadline from here on; the caller's signal still counts. For streams, once they are open. */
  disarm(): void;
  /** Lets go of timer and listener. Idempotent. */
  release(): void;
}

export function openScope(clock: Clock, timeoutMs: number, caller: AbortSignal, onTimeout: () => Error): CallScope {
  const controller = new AbortController();
  const abort = (): void => controller.abort(abortError(caller));
  let timer: Timer | undefined = clock.setTimer(timeoutMs, () => controller.abort(onTimeout()));
  const disarm = (): void => {
    timer?.cancel();
    timer = undefined;
  };
  if (caller.aborted) abort();
  else caller.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    deadline: clock.monotonic() + timeoutMs,
    end: (error) => controller.abort(error),
    disarm,
    release: () => {
      disarm();
      caller.removeEventListener('abort', abort);
    },
  };
}

/** The promise, or the signal's reason as soon as it is aborted; for work that may not look at the signal itself. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    stop = () => signal.removeEventListener('abort', abort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stop?.();
  }
}
