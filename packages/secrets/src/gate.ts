import { abortError } from '@runner/core';

/** Lets at most so many through at once; the others wait in the order in which they came. */
export interface Gate {
  /**
   * Resolves with the function that gives the place back; calling that twice is harmless.
   * @param again whoever had a place before and waited outside: before all who had none, or a long queue would outlast
   *   its deadline
   */
  enter(signal: AbortSignal, again?: boolean): Promise<() => void>;
  readonly waiting: number;
}

export function createGate(places: number): Gate {
  let free = places;
  // A Set keeps the order of arrival and forgets those who gave up without a search.
  const queue = new Set<() => void>();
  const returning = new Set<() => void>();

  const leave = (): void => {
    for (const waiting of [returning, queue]) {
      const [next] = waiting;
      if (next === undefined) continue;
      waiting.delete(next);
      next();
      return;
    }
    free += 1;
  };
  const once = (): (() => void) => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      leave();
    };
  };

  return {
    get waiting() {
      return queue.size + returning.size;
    },
    enter: (signal, again = false) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(abortError(signal));
          return;
        }
        if (free > 0) {
          free -= 1;
          resolve(once());
          return;
        }
        const admit = (): void => {
          signal.removeEventListener('abort', onAbort);
          resolve(once());
        };
        const line = again ? returning : queue;
        const onAbort = (): void => {
          line.delete(admit);
          reject(abortError(signal));
        };
        line.add(admit);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
  };
}
