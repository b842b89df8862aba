import type { Clock, Timer } from '@runner/core';
import { sleepWith } from '@runner/core';

/** Life of one process: once it is over, nothing of it acts any more, as after SIGKILL. */
export interface Mortal {
  readonly alive: boolean;
  readonly clock: Clock;
  /** The object with every async method cut off at death: neither the call nor its answer goes through. */
  bound<T extends object>(target: T): T;
  die(): void;
}

export function mortal(clock: Clock): Mortal {
  const timers = new Set<Timer>();
  let alive = true;
  const setTimer = (ms: number, callback: () => void): Timer => {
    if (!alive) return { cancel: () => undefined };
    const timer = clock.setTimer(ms, () => {
      timers.delete(timer);
      callback();
    });
    timers.add(timer);
    return {
      cancel: () => {
        timers.delete(timer);
        timer.cancel();
      },
    };
  };
  const never = new Promise<never>(() => undefined);
  return {
    get alive() {
      return alive;
    },
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      setTimer,
      sleep: (ms, signal) => sleepWith(setTimer, ms, signal),
    },
    bound: (target) =>
      new Proxy(target, {
        get: (object, name) => {
          const value: unknown = Reflect.get(object, name);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]): unknown => {
            if (!alive) return never;
            const answer: unknown = Reflect.apply(value, object, args);
            if (!(answer instanceof Promise)) return answer;
            return answer.then(
              (result: unknown) => (alive ? result : never),
              (error: unknown) => (alive ? Promise.reject(error as Error) : never),
            );
          };
        },
      }),
    die: () => {
      alive = false;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
