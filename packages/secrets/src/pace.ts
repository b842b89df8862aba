import type { Clock } from '@runner/core';

/**
 * How fast a store is asked once it has said that it is asked too much. Until then it sets no bounds. A refusal brings it
 * below what the store served in the last second; every answer lets it grow a little, and quickly only up to what was
 * served before. So the calls stay, bar short trials, under a limit that nobody told.
 */
export interface Pace {
  /** Waits until the next call may begin. */
  turn(signal: AbortSignal): Promise<void>;
  /** A call begins that waits for no turn, such as one that tries whether the store is there again: it takes one. */
  outOfTurn(): void;
  succeeded(): void;
  /** @param began when the refused call began, by `clock.monotonic()`: those from before the last refusal say nothing new */
  throttled(began: number): void;
}

const WINDOW_MS = 1_000;
/** Calls a second: the slowest pace, and one from which on there is none. */
const SLOWEST = 1;
const FASTEST = 1_000;
const BACK_OFF = 0.8;
/** What one answer adds to the calls a second: doubles them in a second, and makes them a twentieth more. */
const FAST_GROWTH = 1;
const SLOW_GROWTH = 0.05;
/** After so long without a call nothing is known of the store any more. */
const FORGET_MS = 30_000;

export function createPace(clock: Clock): Pace {
  let rate = Number.POSITIVE_INFINITY;
  let served = Number.POSITIVE_INFINITY;
  let next = 0;
  let cutAt = Number.NEGATIVE_INFINITY;
  let answers: number[] = [];

  const lately = (now: number): readonly number[] => (answers = answers.filter((at) => at > now - WINDOW_MS));
  /** When the next call may begin; its turn is taken. */
  const taken = (now: number): number => {
    if (now - next > FORGET_MS) rate = Number.POSITIVE_INFINITY;
    const at = Math.max(now, next);
    next = at + 1_000 / rate;
    return at;
  };
  return {
    turn: async (signal) => {
      const now = clock.monotonic();
      const at = taken(now);
      if (at > now) await clock.sleep(at - now, signal);
    },
    outOfTurn: () => void taken(clock.monotonic()),
    succeeded: () => {
      const now = clock.monotonic();
      // A thousand a second are counted no further: there is no pace to be found then.
      if (answers.push(now) > FASTEST) lately(now);
      if (rate === Number.POSITIVE_INFINITY) return;
      rate += rate < served * BACK_OFF ? FAST_GROWTH : SLOW_GROWTH;
      if (rate > FASTEST) rate = Number.POSITIVE_INFINITY;
    },
    throttled: (began) => {
      const now = clock.monotonic();
      if (began < cutAt) return;
      cutAt = now;
      const count = lately(now).length;
      if (count > 0) served = count;
      rate = Math.max(SLOWEST, Math.min(rate, count * BACK_OFF));
      next = Math.max(next, now + 1_000 / rate);
    },
  };
}
