import type { Clock, Random } from '@runner/core';
import type { Kind } from './kinds.ts';
import type { Stored } from './stored.ts';
import { ownersOf, timestamp } from './stored.ts';

export interface Change {
  readonly kind: Kind;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
  /** What stood there before. */
  readonly previous: Stored | undefined;
  readonly version: number;
}

interface Table {
  readonly kind: Kind;
  readonly objects: Map<string, Stored>;
  readonly history: Change[];
  /** Changes up to this version are forgotten. */
  forgotten: number;
}

/** A place in the store. */
export interface Place {
  readonly kind: Kind;
  readonly key: string;
}

export const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

export interface StoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Changes remembered for each kind. */
  readonly historyLength: number;
}

/** Objects, versions and the history of their changes. Knows nothing of what the objects mean. A kind is one object. */
export class ObjectStore {
  readonly clock: Clock;
  readonly #random: Random;
  readonly #historyLength: number;
  readonly #tables = new Map<Kind, Table>();
  readonly #dependents = new Map<string, Map<string, Place>>();
  readonly #uids = new Map<string, Place>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #undelivered: Change[] = [];
  #delivering = false;
  // The versions of a real cluster do not begin at 1 either.
  #version = 100;

  constructor(options: StoreOptions) {
    this.clock = options.clock;
    this.#random = options.random;
    this.#historyLength = options.historyLength;
  }

  get version(): number {
    return this.#version;
  }

  get(kind: Kind, namespace: string | undefined, name: string): Stored | undefined {
    return this.#table(kind).objects.get(keyOf(kind.namespaced ? namespace : undefined, name));
  }

  /** In the order of the real store: by namespace, then by name. */
  list(kind: Kind, namespace?: string): Stored[] {
    const { objects } = this.#table(kind);
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix));
    keys.sort();
    return keys.map((key) => objects.get(key)).filter((object) => object !== undefined);
  }

  count(kind: Kind, namespace: string, filter: (object: Stored) => boolean = () => true): number {
    let count = 0;
    for (const object of this.#table(kind).objects.values()) {
      if (object.metadata.namespace === namespace && filter(object)) count += 1;
    }
    return count;
  }

  exists(uid: string): boolean {
    return this.#uids.has(uid);
  }

  byUid(uid: string): { readonly kind: Kind; readonly object: Stored } | undefined {
    const place = this.#uids.get(uid);
    const object = place === undefined ? undefined : this.#table(place.kind).objects.get(place.key);
    return place === undefined || object === undefined ? undefined : { kind: place.kind, object };
  }

  dependents(uid: string): { readonly kind: Kind; readonly object: Stored }[] {
    const found: { kind: Kind; object: Stored }[] = [];
    for (const { kind, key } of this.#dependents.get(uid)?.values() ?? []) {
      const object = this.#table(kind).objects.get(key);
      if (object !== undefined) found.push({ kind, object });
    }
    return found;
  }

  /** What a new object is given. */
  birth(): { readonly uid: string; readonly creationTimestamp: string } {
    return { uid: this.#random.uuid(), creationTimestamp: timestamp(this.clock.now()) };
  }

  suffix(length: number): string {
    const letters = 'bcdfghjklmnpqrstvwxz2456789';
    let text = '';
    for (let i = 0; i < length; i += 1) text += letters.charAt(Math.floor(this.#random.next() * letters.length));
    return text;
  }

  /** Adds or replaces; the object given back has the new version. */
  write(kind: Kind, object: Stored): Stored {
    const table = this.#table(kind);
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const previous = table.objects.get(key);
    const stored = this.#stamped(object);
    this.#forget(previous);
    table.objects.set(key, stored);
    this.#uids.set(stored.metadata.uid, { kind, key });
    for (const owner of ownersOf(stored)) {
      const places = this.#dependents.get(owner.uid) ?? new Map<string, Place>();
      places.set(`${kind.resource}/${key}`, { kind, key });
      this.#dependents.set(owner.uid, places);
    }
    this.#changed(table, previous === undefined ? 'ADDED' : 'MODIFIED', stored, previous);
    return stored;
  }

  remove(kind: Kind, object: Stored): void {
    const table = this.#table(kind);
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const previous = table.objects.get(key);
    if (previous === undefined) return;
    this.#forget(previous);
    table.objects.delete(key);
    this.#changed(table, 'DELETED', this.#stamped(previous), previous);
  }

  /** Changes after a version; undefined when some of them are forgotten. */
  since(kind: Kind, version: number): readonly Change[] | undefined {
    const table = this.#table(kind);
    if (version < table.forgotten) return undefined;
    let first = table.history.length;
    while (first > 0 && (table.history[first - 1]?.version ?? 0) > version) first -= 1;
    return table.history.slice(first);
  }

  oldest(kind: Kind): number {
    return this.#table(kind).forgotten;
  }

  /** Forgets the history of what matches, as compaction does. */
  compact(matches: (kind: Kind) => boolean): void {
    for (const table of this.#tables.values()) {
      if (!matches(table.kind)) continue;
      table.history.length = 0;
      table.forgotten = this.#version;
    }
  }

  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #stamped(object: Stored): Stored {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  #forget(object: Stored | undefined): void {
    if (object === undefined) return;
    this.#uids.delete(object.metadata.uid);
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    for (const owner of ownersOf(object)) {
      const places = this.#dependents.get(owner.uid);
      for (const [name, place] of places ?? []) if (place.key === key) places?.delete(name);
      if (places?.size === 0) this.#dependents.delete(owner.uid);
    }
  }

  #table(kind: Kind): Table {
    let table = this.#tables.get(kind);
    if (table === undefined) {
      table = { kind, objects: new Map(), history: [], forgotten: 0 };
      this.#tables.set(kind, table);
    }
    return table;
  }

  #changed(table: Table, type: Change['type'], object: Stored, previous: Stored | undefined): void {
    const change: Change = { kind: table.kind, type, object, previous, version: this.#version };
    table.history.push(change);
    // Dropped in lots: shifting one by one would cost the whole array each time.
    if (table.history.length > this.#historyLength * 2) {
      const dropped = table.history.splice(0, table.history.length - this.#historyLength);
      table.forgotten = dropped.at(-1)?.version ?? table.forgotten;
    }
    this.#undelivered.push(change);
    this.#deliver();
  }

  /** In order, also when a listener makes changes itself. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let change = this.#undelivered.shift(); change !== undefined; change = this.#undelivered.shift()) {
        for (const listener of [...this.#listeners]) listener(change);
      }
    } finally {
      this.#delivering = false;
    }
  }
}
