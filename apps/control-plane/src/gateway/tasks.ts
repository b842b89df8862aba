import type { Clock, Logger } from '@runner/core';
import { isAbort } from '@runner/core';

/** Work that was started and not waited for, so that somebody owns it until the end. */
export interface Tasks {
  /** Starts work; a failure is logged under this sentence. */
  run(failure: string, work: () => Promise<void>): void;
  /** Resolves when nothing is under way. */
  drained(): Promise<void>;
}

export function createTasks(logger: Logger): Tasks {
  const running = new Set<Promise<void>>();
  return {
    run: (failure, work) => {
      const task = work()
        .catch((error: unknown) => {
          if (!isAbort(error)) logger.warn(failure, { error });
        })
        .finally(() => running.delete(task));
      running.add(task);
    },
    drained: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** Does `work` every `everyMs` (measured from the end of one to the beginning of the next) until the signal is aborted. */
export async function repeat(
  work: () => Promise<void>,
  everyMs: number,
  failure: string,
  { clock, logger, signal }: { readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, signal);
      await work();
    } catch (error) {
      if (!isAbort(error)) logger.warn(failure, { error });
    }
  }
}
