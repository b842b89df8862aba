import type { Clock, Timer } from '../clock.ts';
import { sleepWith } from '../clock.ts';

/** A Clock that stands still until it is told to move. */
export interface TestClock extends Clock {
  /**
   * Moves time on, firing due timers in order of time; between two timers, promises get their turn, so that code which
   * awaits a sleep and then sleeps again is carried through. Throws when timers start each other without end.
   */
  advance(ms: number): Promise<void>;
  /** Lets settled promises run without moving time. */
  settle(): Promise<void>;
  /** Moves the wall clock only (an NTP step, a bad host); timers and `monotonic()` do not notice. */
  stepWall(ms: number): void;
  /** Timers not yet fired or cancelled: a leak when a test has ended. */
  readonly pendingTimers: number;
}

/** In one advance. More means that a timer arms itself without time passing. */
const MOST_TIMERS = 100_000;

export function testClock(startAt = Date.UTC(2026, 0, 1)): TestClock {
  let elapsed = 0;
  let wall = startAt;
  let sequence = 0;
  const timers = new Map<number, { at: number; id: number; callback: () => void }>();

  const setTimer = (ms: number, callback: () => void): Timer => {
    const id = ++sequence;
    // As real timers do: whole milliseconds, never early.
    timers.set(id, { at: elapsed + Math.max(0, Math.ceil(ms)), id, callback });
    return { cancel: () => timers.delete(id) };
  };
  // An immediate runs only once no promise has a turn left, however long the chain.
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
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
      let fired = 0;
      for (let due = earliest(target); due !== undefined; due = earliest(target)) {
        if ((fired += 1) > MOST_TIMERS) throw new Error(`timers that start each other at ${due.at} ms, for ever`);
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
