import type { Clock } from '@runner/core';
import { sleepWith, systemClock } from '@runner/core';

/** A clock that runs so many times as fast as the real one, so that back-off over real sockets takes no real time. */
export function hurriedClock(times: number): Clock {
  const real = systemClock();
  const begin = real.now();
  const setTimer: Clock['setTimer'] = (ms, callback) => real.setTimer(ms / times, callback);
  return {
    now: () => begin + (real.now() - begin) * times,
    monotonic: () => real.monotonic() * times,
    setTimer,
    sleep: (ms, signal) => sleepWith(setTimer, ms, signal),
  };
}
