import type { Clock } from '@runner/core';

/**
 * The largest value of a sliding window. Kept in a few slices of time, so a value is forgotten between one window and
 * one window minus one slice after it was seen; memory does not depend on how many values there are.
 */
export interface WindowMax {
  add(value: number): void;
  /** 0 when the window is empty. */
  value(): number;
}

export const WINDOW_MS = 120_000;
const SLICES = 6;

export function createWindowMax(clock: Clock, windowMs = WINDOW_MS): WindowMax {
  const sliceMs = windowMs / SLICES;
  const slices = new Map<number, number>();
  const now = (): number => Math.floor(clock.monotonic() / sliceMs);
  const forget = (): void => {
    for (const slice of slices.keys()) if (slice <= now() - SLICES) slices.delete(slice);
  };
  return {
    add: (value) => {
      forget();
      slices.set(now(), Math.max(value, slices.get(now()) ?? value));
    },
    value: () => {
      forget();
      return Math.max(0, ...slices.values());
    },
  };
}
