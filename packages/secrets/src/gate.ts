import { abortError } from '@runner/core';

/** Lets at most so many through at once; the others wait in the order in which they came. */
export interface Gate {
  /** Resolves with the function that gives the place back; calling that twice is harmless. */
  enter(signal: AbortSignal): Promise<() => void>;
  readonly waiting: number;
}

export function createGate(places: number): Gate {
  let free = places;
  // A Set keeps the order of arrival and forgets those who gave up without a search.
  const queue = new Set<() => void>();

  const leave = (): void => {
    const [next] = queue;
    if (next === undefined) {
      free += 1;
      return;
    }
    queue.delete(next);
    next();
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
      return queue.size;
    },
    enter: (signal) =>
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
        const onAbort = (): void => {
          queue.delete(admit);
          reject(abortError(signal));
        };
        queue.add(admit);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
  };
}
