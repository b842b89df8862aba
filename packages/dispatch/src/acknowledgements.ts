import type { Clock } from '@runner/core';

/** Waits for answers that may never come. */
export interface Acknowledgements {
  /** Resolves when the run is acknowledged, when `ms` are over, or when the signal is aborted; says which. */
  wait(runId: string, ms: number, signal: AbortSignal): Promise<'acknowledged' | 'timeout' | 'aborted'>;
  acknowledge(runId: string): void;
}

export function createAcknowledgements(clock: Clock): Acknowledgements {
  const waiting = new Map<string, () => void>();
  return {
    wait: (runId, ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve('aborted');
          return;
        }
        const finish = (how: 'acknowledged' | 'timeout' | 'aborted'): void => {
          timer.cancel();
          signal.removeEventListener('abort', onAbort);
          if (waiting.get(runId) === onAcknowledged) waiting.delete(runId);
          resolve(how);
        };
        const onAbort = (): void => finish('aborted');
        const onAcknowledged = (): void => finish('acknowledged');
        const timer = clock.setTimer(ms, () => finish('timeout'));
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.set(runId, onAcknowledged);
      }),
    acknowledge: (runId) => waiting.get(runId)?.(),
  };
}
