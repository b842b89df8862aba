import type { Clock, Timer } from '../clock.ts';
import { sleepWith } from '../clock.ts';

/** A Clock that stands still until it is told to move. */
export interface TestClock extends Clock {
  /**
   * Moves time on, firing due timers in order of time; between two timers, promises get their turn, so that code which
   * awaits a sleep and then sleeps again is carried through.
   */
  advance(ms: number): Promise<void>;
  /** Lets settled promises run without moving time. */
  settle(): Promise<void>;
  /** Moves the wall clock only (an NTP step, a bad host); timers and `monotonic()` do not notice. */
  stepWall(ms: number): void;
  /** Timers not yet fired or cancelled: a leak when a test has ended. */
  readonly pendingTimers: number;
}

const TURNS_PER_SETTLE = 30;

export function testClock(startAt = Date.UTC(2026, 0, 1)): TestClock {
  let elapsed = 0;
  let wall = startAt;
  let sequence = 0;
  const timers = new Map<number, { at: number; id: number; callback: () => void }>();

  const setTimer = (ms: number, callback: () => void): Timer => {
    const id = ++sequence;
    timers.set(id, { at: elapsed + Math.max(0, ms), id, callback });
    return { cancel: () => timers.delete(id) };
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS_PER_SETTLE; turn += 1) await Promise.resolve();
  };
  const earliest = (limit: number): { at: number; id: number; callback: () => void } | undefined => {
    let best: { at: number; id: number; callback: () => void } | undefined;
    for (const timer of timers.values()) {
      if (
        timer.at <= limit &&
        (best === undefined || timer.at < best.at || (timer.at === best.at && timer.id < best.id))
      )
        best = timer;
    }
    return best;
  };

  return {
    now: () => wall + elapsed,
    monotonic: () => elapsed,
    setTimer,
    sleep: (ms, signal) => sleepWith(setTimer, ms, signal),
    advance: async (ms) => {
      const target = elapsed + ms;
      await settle();
      for (let due = earliest(target); due !== undefined; due = earliest(target)) {
        timers.delete(due.id);
        elapsed = Math.max(elapsed, due.at);
        due.callback();
        await settle();
      }
      elapsed = target;
      await settle();
    },
    settle,
    stepWall: (ms) => {
      wall += ms;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}
