import type { Clock } from '@runner/core';

/** A map whose entries end by time or by not having been used for long. */
export interface ExpiringMap<V> {
  get(key: string): V | undefined;
  /** Nothing is kept for a time to live of 0. */
  set(key: string, value: V, ttlMs: number): void;
  delete(key: string): void;
  clear(): void;
}

interface Entry<V> {
  readonly value: V;
  readonly until: number;
}

/**
 * Two generations: what is used moves to the young one, and when that holds `limit` entries it becomes the old one, whose
 * unused entries are dropped. So `limit` entries in use are kept for certain, and never more than twice as many.
 * Reordering one map at each use would cost time in proportion to its size: V8 moves all entries when one is deleted and
 * added again.
 */
export function createExpiringMap<V>(clock: Clock, limit: number): ExpiringMap<V> {
  let young = new Map<string, Entry<V>>();
  let old = new Map<string, Entry<V>>();

  const keep = (key: string, entry: Entry<V>): void => {
    if (young.size >= limit && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, entry);
  };

  return {
    get: (key) => {
      const recent = young.get(key);
      const entry = recent ?? old.get(key);
      if (entry === undefined || entry.until <= clock.monotonic()) return undefined;
      if (recent === undefined) keep(key, entry);
      return entry.value;
    },
    set: (key, value, ttlMs) => {
      old.delete(key);
      if (ttlMs > 0 && limit > 0) keep(key, { value, until: clock.monotonic() + ttlMs });
      else young.delete(key);
    },
    delete: (key) => {
      young.delete(key);
      old.delete(key);
    },
    clear: () => {
      young.clear();
      old.clear();
    },
  };
}
