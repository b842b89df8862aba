import type { Clock, Logger } from '@runner/core';

/** What was started, so that it can be stopped the other way round. */
export interface Closing {
  add(name: string, stop: (hurry: AbortSignal) => Promise<void>): void;
  /** Stops everything; what fails is logged and does not keep the rest from stopping. Calling it again waits for the same. */
  run(deadlineMs: number): Promise<void>;
}

export function createClosing(clock: Clock, logger: Logger): Closing {
  const stops: { readonly name: string; readonly stop: (hurry: AbortSignal) => Promise<void> }[] = [];
  let running: Promise<void> | undefined;
  const runAll = async (deadlineMs: number): Promise<void> => {
    const hurry = new AbortController();
    const timer = clock.setTimer(deadlineMs, () => hurry.abort());
    for (const { name, stop } of stops.splice(0).reverse()) {
      try {
        await stop(hurry.signal);
      } catch (error) {
        logger.error('a part of the control plane did not stop cleanly', { part: name, error });
      }
    }
    timer.cancel();
  };
  return {
    add: (name, stop) => {
      stops.push({ name, stop });
    },
    run: (deadlineMs) => (running ??= runAll(deadlineMs)),
  };
}
