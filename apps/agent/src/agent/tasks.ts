import type { Logger } from '@runner/core';
import { isAbort } from '@runner/core';

/** Work that nobody awaits at the moment, but that somebody owns. */
export interface TaskSet {
  /** Takes over a promise: a rejection is logged, an abort is not worth a line. */
  own(what: string, task: Promise<unknown>): void;
  /** Resolves when nothing is left. */
  settled(): Promise<void>;
}

export function createTaskSet(logger: Logger): TaskSet {
  const tasks = new Set<Promise<void>>();
  return {
    own: (what, task) => {
      const owned = task
        .then(
          () => undefined,
          (error: unknown) => {
            if (!isAbort(error)) logger.error('a task failed', { task: what, error });
          },
        )
        .finally(() => tasks.delete(owned));
      tasks.add(owned);
    },
    settled: async () => {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}
