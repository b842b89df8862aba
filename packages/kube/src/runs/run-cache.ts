import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi } from '../api/kube-api.ts';
import type { KubeObject, Pod, ResourceType } from '../objects.ts';
import { PODS } from '../objects.ts';
import type { ListWatch, ListWatchChange, ListWatchObserver, ListWatchOptions } from '../watch/list-watch.ts';
import { createListWatch } from '../watch/list-watch.ts';
import { runIdOf } from './annotations.ts';
import { podKeeper } from './kept.ts';
import { oldest } from './pod-facts.ts';
import type { RunSight } from './run-sight.ts';

/** What two watches, one of objects and one of pods, show of the runs of one owner. May be late, is never wrong for long. */
export interface RunCache<Sight extends RunSight> {
  /** Empty for a run that nothing is seen of. */
  sight(runId: string): Sight;
  runIds(): readonly string[];
  /** The pod as a look shows it, with what the watch remembers of its deletion. */
  remembered(pod: Pod): Pod;
  /** The run is over and its end was told: the last state of its pods is not needed any more. */
  settled(runId: string): void;
  /** Called after each change of what is seen of the run. */
  onChange(runId: string, listener: () => void): () => void;
  /** Epoch milliseconds at which both were last known to be complete; before the first lists, when they were begun. */
  freshAt(): number;
  /** Resolves when both have listed everything once. */
  synced(signal: AbortSignal): Promise<void>;
  /** Resolves when the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** One of the two watches. */
export interface Watched {
  readonly api: Pick<KubeApi, 'list' | 'watch'>;
  readonly observer: ListWatchObserver | undefined;
  /** Where they differ from those of API servers. */
  readonly streams?: Pick<ListWatchOptions<KubeObject, unknown>, 'silenceMs' | 'watchSeconds'>;
}

export interface RunCacheOptions<T extends KubeObject, Sight extends RunSight> {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly type: ResourceType<T>;
  readonly keep: (object: T) => T;
  readonly objects: Watched;
  /** Undefined: pods cannot be seen, and no sight has any. */
  readonly pods: Watched | undefined;
  /** Puts together what is seen of one run. */
  readonly sightOf: (found: RunSight, object: T | undefined) => Sight;
  /** Whether a pod is one that tells how the run ended. */
  readonly isOwn: (pod: Pod, object: T | undefined) => boolean;
  readonly onTouched: (runId: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Names {
  readonly objects: Set<string>;
  readonly pods: Set<string>;
}

export function runCache<T extends KubeObject, Sight extends RunSight>(
  options: RunCacheOptions<T, Sight>,
): RunCache<Sight> {
  const { namespace, labelSelector, clock, random, logger } = options;
  const names = new Map<string, Names>();
  const listeners = new Map<string, Set<() => void>>();
  const lastPods = new Map<string, Pod>();
  const keeper = podKeeper();
  const begunAt = clock.now();

  const changed = (kind: keyof Names, { type, name, object }: ListWatchChange<KubeObject>): void => {
    const runId = runIdOf(object);
    if (runId === undefined) return;
    note(names, runId, kind, name, type === 'seen');
    options.onTouched(runId);
    for (const listener of listeners.get(runId) ?? []) listener();
  };
  const shared = { namespace, labelSelector, clock, random, logger };
  const objects: ListWatch<T> = createListWatch({
    ...{ ...shared, ...watched(options.objects) },
    type: options.type,
    keep: options.keep,
    onChange: (change) => changed('objects', change),
  });
  const pods: ListWatch<Pod> | undefined =
    options.pods === undefined
      ? undefined
      : createListWatch({
          ...{ ...shared, ...watched(options.pods) },
          type: PODS,
          keep: (pod) => keeper.keep(pod),
          onChange: (change) => {
            if (change.type === 'gone') bury(change.object);
            changed('pods', change);
          },
        });
  const both = pods === undefined ? [objects] : [objects, pods];

  const objectOf = (runId: string): T | undefined => oldest(all(names.get(runId)?.objects, objects));
  const bury = (pod: Pod): void => {
    keeper.forget(pod);
    const runId = runIdOf(pod);
    if (runId === undefined) return;
    // The pod of a copy of the object says nothing about the run.
    if (lastPods.has(runId) && !options.isOwn(pod, objectOf(runId))) return;
    lastPods.set(runId, pod);
  };

  return {
    sight: (runId) => {
      const lastPod = lastPods.get(runId);
      const found = pods === undefined ? [] : all(names.get(runId)?.pods, pods);
      return options.sightOf({ runId, pods: found, ...(lastPod === undefined ? {} : { lastPod }) }, objectOf(runId));
    },
    remembered: (pod) => keeper.restore(pod),
    settled: (runId) => void lastPods.delete(runId),
    runIds: () => [...names.keys()],
    onChange: (runId, listener) => listen(listeners, runId, listener),
    freshAt: () => Math.max(begunAt, Math.min(...both.map((one) => one.freshAt()))),
    synced: async (signal) => {
      await Promise.all(both.map((one) => one.synced(signal)));
    },
    run: async (signal) => {
      await Promise.all(both.map((one) => one.run(signal)));
    },
  };
}

/** When the oldest of them was last complete; undefined while there is none. */
export function freshAtOf(caches: ReadonlySet<Pick<RunCache<RunSight>, 'freshAt'>>): number | undefined {
  return caches.size === 0 ? undefined : Math.min(...[...caches].map((cache) => cache.freshAt()));
}

type WatchPart = Pick<ListWatchOptions<KubeObject, unknown>, 'api' | 'observer' | 'silenceMs' | 'watchSeconds'>;

function watched({ api, observer, streams }: Watched): WatchPart {
  return { api, ...streams, ...(observer === undefined ? {} : { observer }) };
}

function note(all: Map<string, Names>, runId: string, kind: keyof Names, name: string, isThere: boolean): void {
  const names = all.get(runId) ?? { objects: new Set(), pods: new Set() };
  if (isThere) names[kind].add(name);
  else names[kind].delete(name);
  if (names.objects.size + names.pods.size === 0) all.delete(runId);
  else all.set(runId, names);
}

function all<T>(names: ReadonlySet<string> | undefined, cache: ListWatch<T>): readonly T[] {
  return [...(names ?? [])].flatMap((name) => cache.get(name) ?? []);
}

function listen(listeners: Map<string, Set<() => void>>, runId: string, listener: () => void): () => void {
  const own = listeners.get(runId) ?? new Set();
  listeners.set(runId, own.add(listener));
  return () => {
    own.delete(listener);
    if (own.size === 0 && listeners.get(runId) === own) listeners.delete(runId);
  };
}
