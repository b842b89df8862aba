import type { Random } from '@runner/core';
import { backoffDelay } from '@runner/core';

/** What became of one connection. */
export interface Attempt {
  /** Milliseconds for which the watch stood; 0 when it did not come to that. */
  readonly watchedMs: number;
  /** Whether the watch brought an event or a bookmark. */
  readonly progressed: boolean;
  /** False when the server ended the watch as it was asked to. */
  readonly failed: boolean;
  /** What the server asked for (Retry-After), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** When to connect again. */
export interface ReconnectPolicy {
  /** Milliseconds to wait after this attempt. */
  delayAfter(attempt: Attempt): number;
}

/** Connections begin at least this far apart. */
export const RECONNECT_FLOOR_MS = 1_000;
/** The longest wait between two attempts, unless the server asks for more. */
export const RECONNECT_CAP_MS = 20_000;
/** A watch that stood this long was healthy: the next trouble begins with short waits. */
export const HEALTHY_MS = 10_000;

/**
 * Full jitter, whose bound grows with each connection that came to nothing. One that brought something, or stood for a
 * second, but did not last (a proxy that cuts every two seconds) does not make it grow: news would be late by the cap.
 */
export function createReconnectPolicy(random: Random): ReconnectPolicy {
  let fruitless = 0;
  return {
    delayAfter: ({ watchedMs, progressed, failed, retryAfterMs = 0 }) => {
      if (watchedMs >= HEALTHY_MS) fruitless = 0;
      const bounds = { floorMs: RECONNECT_FLOOR_MS, capMs: RECONNECT_CAP_MS };
      const delay = !failed && watchedMs >= RECONNECT_FLOOR_MS ? 0 : backoffDelay(fruitless, bounds, random);
      if (!progressed && watchedMs < RECONNECT_FLOOR_MS) fruitless += 1;
      return Math.max(delay, retryAfterMs);
    },
  };
}
