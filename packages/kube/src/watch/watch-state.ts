import type { WatchEvent } from '../api/kube-api.ts';
import type { KubeObject } from '../objects.ts';
import type { ListWatchChange } from './list-watch.ts';
import { isOlder } from './resource-version.ts';
import type { Entry, WatchCache } from './watch-cache.ts';
import { createWatchCache, entryOf } from './watch-cache.ts';

/** What a list+watch knows between its connections: the cache, where to go on, how sure it is. No I/O. */
export interface WatchState<T extends KubeObject, Kept> {
  readonly cache: WatchCache<Kept>;
  /** Where the next watch goes on; undefined when it takes a list first. */
  from(): string | undefined;
  /** Wall-clock time at which the cache was last known to be complete; 0 before the first list. */
  freshAt(): number;
  listed(entries: readonly Entry<Kept>[], resourceVersion: string): readonly ListWatchChange<Kept>[];
  took(event: WatchEvent<T>): readonly ListWatchChange<Kept>[];
  /** A watch was held to be dead. After two in a row a watch proves nothing, and a list is taken. */
  fellSilent(): void;
  /** The version to go on from is forgotten by the server. */
  expired(): void;
}

export function createWatchState<T extends KubeObject, Kept>(
  keep: (object: T) => Kept,
  now: () => number,
): WatchState<T, Kept> {
  const cache = createWatchCache<Kept>();
  let from: string | undefined;
  let freshAt = 0;
  let silences = 0;

  /** The cache is as the server was just now. A late event does not take the place back. */
  const reached = (resourceVersion: string): void => {
    if (from === undefined || !isOlder(resourceVersion, from)) from = resourceVersion;
    freshAt = now();
    silences = 0;
  };

  return {
    cache,
    from: () => from,
    freshAt: () => freshAt,
    listed: (entries, resourceVersion) => {
      from = undefined;
      reached(resourceVersion);
      return cache.replace(entries, resourceVersion);
    },
    took: (event) => {
      if (event.type === 'BOOKMARK') {
        reached(event.resourceVersion);
        return [];
      }
      const entry = entryOf(event.object.metadata, keep(event.object));
      reached(entry.resourceVersion);
      return event.type === 'DELETED' ? cache.remove(entry) : cache.put(entry);
    },
    fellSilent: () => {
      silences += 1;
      if (silences >= 2) from = undefined;
    },
    expired: () => {
      from = undefined;
    },
  };
}
