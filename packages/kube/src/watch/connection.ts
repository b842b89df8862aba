import type { Clock } from '@runner/core';

/** One stream of the API that can be waited for with a limit, and cut. */
export interface Connection<T> {
  /** The next thing; `silent` when nothing came within `limitMs`, upon which it may be asked again. */
  next(limitMs: number): Promise<IteratorResult<T, unknown> | 'silent'>;
  /** Cuts it, and resolves once nothing of it is left: what comes late is dropped. Idempotent. */
  close(): Promise<void>;
}

/** Opens a stream under a signal of its own, which is aborted by `close` and with the outer one. */
export function openConnection<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  clock: Clock,
  outer: AbortSignal,
): Connection<T> {
  const cut = new AbortController();
  const onAbort = (): void => cut.abort(outer.reason);
  if (outer.aborted) onAbort();
  else outer.addEventListener('abort', onAbort, { once: true });
  const iterator = open(cut.signal)[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<T, unknown>> | undefined;

  return {
    next: async (limitMs) => {
      pending ??= iterator.next();
      let stopWaiting = (): void => undefined;
      const silence = new Promise<'silent'>((resolve) => {
        const timer = clock.setTimer(limitMs, () => resolve('silent'));
        stopWaiting = () => timer.cancel();
      });
      let answered = true;
      try {
        const next = await Promise.race([pending, silence]);
        answered = next !== 'silent';
        return next;
      } finally {
        stopWaiting();
        if (answered) pending = undefined;
      }
    },
    close: async () => {
      outer.removeEventListener('abort', onAbort);
      cut.abort();
      await pending?.catch(() => undefined);
      await iterator.return?.().catch(() => undefined);
    },
  };
}
