import { abortError } from '@runner/core';

/** Lets so many in at the same time; the others wait in line. */
export interface Gate {
  /** Resolves with the function that leaves again. Rejects (`aborted`) while waiting. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function gate(most: number): Gate {
  let inside = 0;
  const line = new Set<() => void>();

  /** Whoever leaves hands the place to the first in line, so that nobody slips in between. */
  const leaver = (): (() => void) => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = line;
      if (next === undefined) inside -= 1;
      else next();
    };
  };

  return {
    enter: async (signal) => {
      if (signal.aborted) throw abortError(signal);
      if (inside >= most) await turn(line, signal);
      else inside += 1;
      return leaver();
    },
  };
}

function turn(line: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      line.delete(go);
      signal.removeEventListener('abort', onAbort);
    };
    const go = (): void => {
      stop();
      resolve();
    };
    const onAbort = (): void => {
      stop();
      reject(abortError(signal));
    };
    line.add(go);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
