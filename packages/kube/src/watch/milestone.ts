import { abortError } from '@runner/core';

/** Something that happens once or never, and that several may wait for. */
export interface Milestone {
  reached(): void;
  /** It will not happen any more. */
  missed(): void;
  /** Resolves when it has happened; rejects (`aborted`) when the signal is aborted or it cannot happen any more. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createMilestone(): Milestone {
  let state: 'ahead' | 'reached' | 'missed' = 'ahead';
  const waiting = new Set<() => void>();
  const settle = (to: 'reached' | 'missed') => (): void => {
    if (state !== 'ahead') return;
    state = to;
    for (const wake of waiting) wake();
    waiting.clear();
  };
  return {
    reached: settle('reached'),
    missed: settle('missed'),
    wait: (signal) =>
      new Promise((resolve, reject) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          if (state === 'reached') resolve();
          else reject(abortError(signal));
        };
        if (state !== 'ahead' || signal.aborted) {
          wake();
          return;
        }
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      }),
  };
}
