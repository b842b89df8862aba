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
export function withDeadline<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  { clock, ms, signal, late }: DeadlineOptions,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal));
      return;
    }
    const inner = new AbortController();
    const settle = (then: () => void): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      then();
    };
    const stop = (error: Error): void => {
      settle(() => reject(error));
      inner.abort(error);
    };
    const onAbort = (): void => stop(abortError(signal));
    const timer = clock.setTimer(ms, () => stop(late()));
    signal.addEventListener('abort', onAbort, { once: true });
    operation(inner.signal).then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
  });
}
