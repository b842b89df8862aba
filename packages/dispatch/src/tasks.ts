import { isAbort } from '@runner/core';

/** Owns promises that nobody awaits: each is watched to its end, and the end of all can be waited for. */
export interface Tasks {
  readonly size: number;
  /** A rejection other than an abort is a bug and goes to `onFailure`. */
  own(work: Promise<unknown>, what: string): void;
  /** Resolves when no task is left, or when the signal is aborted. */
  settled(signal?: AbortSignal): Promise<void>;
}

export function createTasks(onFailure: (what: string, error: unknown) => void): Tasks {
  const running = new Set<Promise<void>>();
  return {
    get size() {
      return running.size;
    },
    own: (work, what) => {
      const task = work.then(
        () => undefined,
        (error: unknown) => {
          if (!isAbort(error)) onFailure(what, error);
        },
      );
      running.add(task);
      void task.then(() => running.delete(task));
    },
    settled: async (signal) => {
      const { promise: aborted, stop } = abortion(signal);
      try {
        while (running.size > 0 && signal?.aborted !== true) await Promise.race([Promise.all(running), aborted]);
      } finally {
        stop();
      }
    },
  };
}

function abortion(signal: AbortSignal | undefined): { promise: Promise<void>; stop: () => void } {
  let onAbort = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    onAbort = resolve;
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  return { promise, stop: () => signal?.removeEventListener('abort', onAbort) };
}
