import { abortError } from '@runner/core';

/** One call for everybody who asks for the same thing at the same time. */
export interface SharedCalls<V> {
  /**
   * Joins the call for `key`, or makes it. Whoever aborts leaves alone; the call itself is aborted when the last one
   * has left, and somebody who comes after that gets a call of their own.
   */
  join(key: string, signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<V>): Promise<V>;
  /** Whether somebody asks for it just now. */
  has(key: string): boolean;
  /** Aborts every call. */
  abort(): void;
  readonly size: number;
}

interface Call<V> {
  readonly promise: Promise<V>;
  readonly controller: AbortController;
  waiting: number;
}

export function createSharedCalls<V>(): SharedCalls<V> {
  const calls = new Map<string, Call<V>>();

  const begin = (key: string, call: (signal: AbortSignal) => Promise<V>): Call<V> => {
    const controller = new AbortController();
    const forget = (): void => {
      if (calls.get(key) === begun) calls.delete(key);
    };
    const begun: Call<V> = { promise: call(controller.signal).finally(forget), controller, waiting: 0 };
    // The last one may have left before it fails; then nobody else listens.
    begun.promise.catch(() => undefined);
    calls.set(key, begun);
    return begun;
  };
  const leave = (key: string, call: Call<V>): void => {
    call.waiting -= 1;
    if (call.waiting > 0) return;
    if (calls.get(key) === call) calls.delete(key);
    call.controller.abort();
  };

  return {
    get size() {
      return calls.size;
    },
    has: (key) => calls.has(key),
    abort: () => {
      for (const call of calls.values()) call.controller.abort();
    },
    join: (key, signal, make) => {
      if (signal?.aborted === true) return Promise.reject(abortError(signal));
      const call = calls.get(key) ?? begin(key, make);
      call.waiting += 1;
      if (signal === undefined) return call.promise;
      let onAbort: () => void = () => undefined;
      const left = new Promise<never>((_, reject) => {
        onAbort = () => {
          leave(key, call);
          reject(abortError(signal));
        };
        signal.addEventListener('abort', onAbort, { once: true });
      });
      return Promise.race([call.promise, left]).finally(() => signal.removeEventListener('abort', onAbort));
    },
  };
}
