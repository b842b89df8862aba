import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export interface BackoffOptions {
  /** The smallest delay, in milliseconds. */
  readonly floorMs: number;
  /** The largest delay, in milliseconds. */
  readonly capMs: number;
  /** Growth of the upper bound for each failure. Default 2. */
  readonly factor?: number;
}

/**
 * Full jitter: after `attempt` failures (0 for the first) a delay drawn evenly from `[floor, min(cap, floor × factor^(attempt+1))]`,
 * so that a thousand agents that lost the same server do not come back together.
 */
export function backoffDelay(attempt: number, options: BackoffOptions, random: Random): number {
  const { floorMs, capMs, factor = 2 } = options;
  const upper = Math.min(capMs, floorMs * factor ** Math.min(attempt + 1, 64));
  return floorMs + random.next() * Math.max(0, upper - floorMs);
}

export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How often to try altogether, the first time included. */
  readonly attempts: number;
  /** Whether this failure is worth another try. */
  readonly retryable: (error: unknown) => boolean;
  /** A delay the other side asked for (Retry-After), in milliseconds; the larger of it and the jittered one is taken. */
  readonly retryAfterMs?: (error: unknown) => number | undefined;
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
}

/** Runs `operation` until it succeeds, fails for good, or the attempts are used up; the last error is thrown as it is. */
export async function retry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await operation(attempt);
    } catch (error) {
      if (attempt + 1 >= options.attempts || !options.retryable(error) || options.signal?.aborted === true) throw error;
      const delay = Math.max(backoffDelay(attempt, options, options.random), options.retryAfterMs?.(error) ?? 0);
      options.onRetry?.(error, attempt, delay);
      await options.clock.sleep(delay, options.signal);
    }
  }
}
