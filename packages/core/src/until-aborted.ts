import { abortError } from './errors.ts';

/**
 * The promise, or `aborted` as soon as the signal is: for work that does not hear it, or not reliably. Such work goes on, and
 * nobody waits for it any more; how it ends then is of no interest.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
