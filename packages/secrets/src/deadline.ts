import type { Clock } from '@runner/core';
import { abortError } from '@runner/core';

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly ms: number;
  /** The caller's own wish to stop. */
  readonly signal: AbortSignal;
  /** The error for a deadline that has passed. */
  readonly late: () => Error;
}

/**
 * Runs an operation no longer than `ms`. The operation's signal is aborted then, but nothing waits for it to obey:
 * some vendors' clients hang past every option they have, and this promise settles all the same.
 */
export async function withDeadline<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  { clock, ms, signal, late }: DeadlineOptions,
): Promise<T> {
  if (signal.aborted) throw abortError(signal);
  const inner = new AbortController();
  let settled: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    const stop = (error: Error): void => {
      reject(error);
      inner.abort(error);
    };
    const timer = clock.setTimer(ms, () => stop(late()));
    const onAbort = (): void => stop(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    settled = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([operation(inner.signal), stopped]);
  } finally {
    settled();
  }
}
