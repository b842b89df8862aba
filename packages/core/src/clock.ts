import { abortError } from './errors.ts';

/** A timer that was started; cancelling it twice is harmless. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time. `now()` is the wall clock and may jump; `monotonic()` never goes back and is what durations
 * are measured with.
 */
export interface Clock {
  /** Milliseconds since 1970, wall clock. */
  now(): number;
  /** Milliseconds since an arbitrary start; never decreases, whatever happens to the wall clock. */
  monotonic(): number;
  /** Calls back once after `ms`. System timers do not keep the process alive. */
  setTimer(ms: number, callback: () => void): Timer;
  /** Resolves after `ms`; rejects with code `aborted` as soon as the signal is. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** setTimeout fires at once beyond this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Turns `setTimer` into an abortable sleep; shared by every Clock. */
export function sleepWith(setTimer: Clock['setTimer'], ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortError(signal));
      return;
    }
    const timer = setTimer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer.cancel();
      reject(abortError(signal));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export interface SystemClockOptions {
  /** Whether pending timers keep the process running. Default false: servers and sockets do that. */
  readonly keepAlive?: boolean;
}

/** Real time. */
export function systemClock(options: SystemClockOptions = {}): Clock {
  const setTimer = (ms: number, callback: () => void): Timer => {
    const handle = setTimeout(callback, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    if (options.keepAlive !== true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  };
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer,
    sleep: (ms, signal) => sleepWith(setTimer, ms, signal),
  };
}
