import type { Meta } from '../objects.ts';
import type { ListWatchChange } from './list-watch.ts';
import { isOlder } from './resource-version.ts';

/** What is remembered of one object. */
export interface Entry<Kept> {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly kept: Kept;
}

/**
 * The objects of one list+watch and what each piece of news changes. No I/O: news go in, changes come out, in the order
 * in which they are to be told.
 */
export interface WatchCache<Kept> {
  get(name: string): Kept | undefined;
  values(): Iterable<Kept>;
  readonly size: number;
  /** A complete list: what it lacks is gone, what it has in another version is seen. */
  replace(entries: readonly Entry<Kept>[], resourceVersion: string): readonly ListWatchChange<Kept>[];
  /** ADDED or MODIFIED: nothing when it was known, or comes too late. */
  put(entry: Entry<Kept>): readonly ListWatchChange<Kept>[];
  /** DELETED: nothing when this very object is not there, or stands in a newer version. */
  remove(entry: Entry<Kept>): readonly ListWatchChange<Kept>[];
}

/** Deleted objects whose late events are recognised. */
const REMEMBERED_DELETIONS = 1_000;

export function entryOf<Kept>(metadata: Meta | undefined, kept: Kept): Entry<Kept> {
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    resourceVersion: metadata?.resourceVersion ?? '',
    kept,
  };
}

export function createWatchCache<Kept>(): WatchCache<Kept> {
  let entries = new Map<string, Entry<Kept>>();
  /** Version of the deletion by uid, oldest first. */
  const deletions = new Map<string, string>();
  /** Version of the last list: older news are in it. */
  let listedAt = '';

  const seen = (entry: Entry<Kept>): ListWatchChange<Kept> => ({ type: 'seen', name: entry.name, object: entry.kept });
  const gone = (entry: Entry<Kept>): ListWatchChange<Kept> => ({ type: 'gone', name: entry.name, object: entry.kept });

  /** What it means that `next` stands where `known` stood. */
  const compared = (known: Entry<Kept> | undefined, next: Entry<Kept>): readonly ListWatchChange<Kept>[] => {
    if (known === undefined) return [seen(next)];
    if (known.uid !== next.uid) return [gone(known), seen(next)];
    return known.resourceVersion === next.resourceVersion ? [] : [seen(next)];
  };

  const rememberDeletion = (entry: Entry<Kept>): void => {
    deletions.delete(entry.uid);
    deletions.set(entry.uid, entry.resourceVersion);
    for (const oldest of deletions.keys()) {
      if (deletions.size <= REMEMBERED_DELETIONS) return;
      deletions.delete(oldest);
    }
  };

  /** The news of a deleted object, told again; an object that left the selection and came back is newer than that. */
  const isBeforeItsDeletion = (entry: Entry<Kept>): boolean => {
    const deleted = deletions.get(entry.uid);
    return deleted !== undefined && (deleted === entry.resourceVersion || isOlder(entry.resourceVersion, deleted));
  };

  const comesLate = (entry: Entry<Kept>): boolean => {
    const known = entries.get(entry.name);
    return (
      isOlder(entry.resourceVersion, listedAt) ||
      (known !== undefined && isOlder(entry.resourceVersion, known.resourceVersion))
    );
  };

  return {
    get: (name) => entries.get(name)?.kept,
    values: function* () {
      for (const entry of entries.values()) yield entry.kept;
    },
    get size() {
      return entries.size;
    },
    replace: (list, resourceVersion) => {
      listedAt = resourceVersion;
      deletions.clear();
      const before = entries;
      entries = new Map(list.map((entry) => [entry.name, entry]));
      const changes: ListWatchChange<Kept>[] = [];
      for (const known of before.values()) if (!entries.has(known.name)) changes.push(gone(known));
      for (const entry of list) changes.push(...compared(before.get(entry.name), entry));
      return changes;
    },
    put: (entry) => {
      if (comesLate(entry) || isBeforeItsDeletion(entry)) return [];
      const changes = compared(entries.get(entry.name), entry);
      if (changes.length > 0) entries.set(entry.name, entry);
      return changes;
    },
    remove: (entry) => {
      if (comesLate(entry)) return [];
      rememberDeletion(entry);
      const known = entries.get(entry.name);
      if (known?.uid !== entry.uid) return [];
      entries.delete(entry.name);
      return [gone(entry)];
    },
  };
}
