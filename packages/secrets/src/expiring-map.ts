import type { Clock } from '@runner/core';

/** A map whose entries end by time or, beyond `limit`, by being the longest unused. */
export interface ExpiringMap<V> {
  get(key: string): V | undefined;
  /** Nothing is kept for a time to live of 0. */
  set(key: string, value: V, ttlMs: number): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

export function createExpiringMap<V>(clock: Clock, limit: number): ExpiringMap<V> {
  const entries = new Map<string, { readonly value: V; readonly until: number }>();
  return {
    get size() {
      return entries.size;
    },
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.until <= clock.monotonic()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set: (key, value, ttlMs) => {
      entries.delete(key);
      if (ttlMs <= 0 || limit <= 0) return;
      entries.set(key, { value, until: clock.monotonic() + ttlMs });
      for (const oldest of entries.keys()) {
        if (entries.size <= limit) break;
        entries.delete(oldest);
      }
    },
    delete: (key) => {
      entries.delete(key);
    },
    clear: () => entries.clear(),
  };
}
