import type { KubeApi, KubeObject, WatchEvent } from '../../src/index.ts';
import { kubeError } from '../../src/index.ts';

/** One object of the fake server; `value` is what it is about. */
export interface Thing extends KubeObject {
  readonly value: number;
}

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Thing;
  readonly revision: number;
}

interface Watcher {
  readonly queue: (WatchEvent<Thing> | Error | 'end')[];
  wake: () => void;
  muted: boolean;
}

/**
 * List and watch of an API server as far as a list+watch can see it, through the port: revisions, a history that can be
 * forgotten, connections that can be cut, ended, muted, or fed what is old.
 */
export function createWatchServer() {
  let revision = 100;
  let compacted = 0;
  let uids = 0;
  let refusals: Error[] = [];
  let deaf = false;
  const things = new Map<string, Thing>();
  const history: Change[] = [];
  const watchers = new Set<Watcher>();
  const counts = { lists: 0, watches: 0, mostWatches: 0 };
  const starts: number[] = [];
  let now: () => number = () => 0;

  const send = (watcher: Watcher, item: WatchEvent<Thing> | Error | 'end'): void => {
    if (watcher.muted) return;
    watcher.queue.push(item);
    watcher.wake();
  };
  const broadcast = (item: WatchEvent<Thing> | Error | 'end'): void => {
    for (const watcher of watchers) send(watcher, item);
  };
  const record = (type: Change['type'], name: string, uid: string, value: number): Thing => {
    revision += 1;
    const object: Thing = { metadata: { name, uid, resourceVersion: String(revision) }, value };
    const change = { type, object, revision };
    history.push(change);
    broadcast(change);
    return object;
  };
  const refuse = (): void => {
    starts.push(now());
    const error = refusals.shift();
    if (error !== undefined) throw error;
  };

  /** Watches from before get 410. */
  const forget = (): void => {
    compacted = revision;
    history.length = 0;
  };

  async function* watch(from: number, signal: AbortSignal): AsyncGenerator<WatchEvent<Thing>> {
    await Promise.resolve();
    counts.watches += 1;
    refuse();
    if (from < compacted) throw kubeError('kube_expired', 'too old resource version');
    const watcher: Watcher = { queue: [], wake: () => undefined, muted: deaf };
    for (const change of history) if (change.revision > from) send(watcher, change);
    watchers.add(watcher);
    counts.mostWatches = Math.max(counts.mostWatches, watchers.size);
    const onAbort = (): void => watcher.wake();
    signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        if (signal.aborted) throw signal.reason;
        const item = watcher.queue.shift();
        if (item === 'end') return;
        if (item instanceof Error) throw item;
        if (item !== undefined) yield item;
        else await new Promise<void>((resolve) => (watcher.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      watchers.delete(watcher);
    }
  }

  const api = {
    list: async <Kept>(_type: unknown, _namespace: string, options: { keep?: (thing: Thing) => Kept }) => {
      await Promise.resolve();
      counts.lists += 1;
      refuse();
      const items = [...things.values()].map((thing) => options.keep?.(thing));
      return { items, resourceVersion: String(revision) };
    },
    watch: (_type: unknown, _namespace: string, options: { resourceVersion: string; signal: AbortSignal }) =>
      watch(Number(options.resourceVersion), options.signal),
  } as unknown as KubeApi;

  return {
    api,
    counts,
    /** When connections were begun, by the clock given to `timedBy`. */
    starts,
    timedBy: (clock: { monotonic(): number }): void => void (now = () => clock.monotonic()),
    open: (): number => watchers.size,
    things: (): ReadonlyMap<string, Thing> => things,
    put: (name: string, value: number): void => {
      const known = things.get(name);
      const uid = known?.metadata?.uid ?? `uid-${(uids += 1)}`;
      things.set(name, record(known === undefined ? 'ADDED' : 'MODIFIED', name, uid, value));
    },
    remove: (name: string): void => {
      const known = things.get(name);
      if (known === undefined) return;
      things.delete(name);
      record('DELETED', name, known.metadata?.uid ?? '', known.value);
    },
    bookmark: (): void => broadcast({ type: 'BOOKMARK', resourceVersion: String(revision) }),
    /** Tells an old change once more; `back` counts from the newest. */
    repeat: (back: number): void => {
      const change = history.at(-1 - back);
      if (change !== undefined) broadcast(change);
    },
    cut: (): void => broadcast(kubeError('kube_unreachable', 'the connection was cut')),
    end: (): void => broadcast('end'),
    /** Nothing comes over the connections that stand now. */
    mute: (): void => watchers.forEach((watcher) => (watcher.muted = true)),
    /** Nothing comes over any connection. */
    deafen: (on: boolean): void => void (deaf = on),
    /** Something changes that is not watched. */
    elsewhere: (): void => void (revision += 1),
    forget,
    /** Forgets the history and says so to whoever watches. */
    compact: (): void => {
      forget();
      broadcast(kubeError('kube_expired', 'too old resource version'));
    },
    /** The next calls fail like this, one after the other. */
    refuse: (...errors: Error[]): void => void (refusals = [...refusals, ...errors]),
  };
}

export type WatchServer = ReturnType<typeof createWatchServer>;
