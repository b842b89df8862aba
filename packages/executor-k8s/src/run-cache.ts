import type { WorkloadOwner } from '@runner/executor';
import type { Job, KubeObject, ListWatch, ListWatchChange, Pod } from '@runner/kube';
import { JOBS, PODS, createListWatch } from '@runner/kube';
import { runIdOf } from './annotations.ts';
import { keepJob, podKeeper } from './kept.ts';
import { noted, older, ownerSelector } from './looking.ts';
import type { K8sParts } from './parts.ts';
import type { RunSight } from './sight.ts';
import { ownerOf } from './sight.ts';

/** What two watches, one of Jobs and one of pods, show of the runs of one owner. May be late, is never wrong for long. */
export interface RunCache {
  /** Empty for a run that nothing is seen of. */
  sight(runId: string): RunSight;
  runIds(): readonly string[];
  /** True when Job or pods of the run are seen. */
  knows(runId: string): boolean;
  /** The pod as a look shows it, with what the watch remembers of its deletion. */
  remembered(pod: Pod): Pod;
  /** The run is over and its end was told: the last state of its pods is not needed any more. */
  settled(runId: string): void;
  /** Called after each change of what is seen of the run. */
  onChange(runId: string, listener: () => void): () => void;
  /** Resolves when both have listed everything once. */
  synced(signal: AbortSignal): Promise<void>;
  /** Resolves when the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

interface Names {
  readonly jobs: Set<string>;
  readonly pods: Set<string>;
}

export function runCache(parts: K8sParts, owner: WorkloadOwner, onTouched: (runId: string) => void): RunCache {
  const { api, namespace, clock, random, logger } = parts;
  const names = new Map<string, Names>();
  const listeners = new Map<string, Set<() => void>>();
  const lastPods = new Map<string, Pod>();
  const keeper = podKeeper();

  const changed =
    <T extends KubeObject>(kind: keyof Names) =>
    ({ type, name, object }: ListWatchChange<T>): void => {
      const runId = runIdOf(object);
      if (runId === undefined) return;
      note(names, runId, kind, name, type === 'seen');
      onTouched(runId);
      for (const listener of listeners.get(runId) ?? []) listener();
    };
  const shared = { api, namespace, labelSelector: ownerSelector(owner), clock, random, logger };
  const { observer } = parts.options;
  const jobs: ListWatch<Job> = createListWatch({
    ...shared,
    type: JOBS,
    keep: keepJob,
    onChange: changed<Job>('jobs'),
    ...(observer?.jobs === undefined ? {} : { observer: observer.jobs }),
  });
  const pods: ListWatch<Pod> = createListWatch({
    ...shared,
    type: PODS,
    keep: (pod) => keeper.keep(pod),
    onChange: (change) => {
      if (change.type === 'gone') bury(change.object);
      changed<Pod>('pods')(change);
    },
    ...(observer?.pods === undefined ? {} : { observer: observer.pods }),
  });

  const jobOf = (runId: string): Job | undefined => oldest(all(names.get(runId)?.jobs, jobs));
  const bury = (pod: Pod): void => {
    keeper.forget(pod);
    const runId = runIdOf(pod);
    if (runId === undefined) return;
    // The pod of a copy of the Job says nothing about the run.
    if (lastPods.has(runId) && ownerOf(pod)?.uid !== jobOf(runId)?.metadata?.uid) return;
    lastPods.set(runId, pod);
  };

  return {
    sight: (runId) => {
      const seen = names.get(runId);
      const job = jobOf(runId);
      const lastPod = lastPods.get(runId);
      return noted(parts, {
        runId,
        ...(job === undefined ? {} : { job }),
        pods: all(seen?.pods, pods),
        ...(lastPod === undefined ? {} : { lastPod }),
      });
    },
    remembered: (pod) => keeper.restore(pod),
    settled: (runId) => void lastPods.delete(runId),
    runIds: () => [...names.keys()],
    knows: (runId) => names.has(runId),
    onChange: (runId, listener) => listen(listeners, runId, listener),
    synced: async (signal) => {
      await Promise.all([jobs.synced(signal), pods.synced(signal)]);
    },
    run: async (signal) => {
      await Promise.all([jobs.run(signal), pods.run(signal)]);
    },
  };
}

function note(all: Map<string, Names>, runId: string, kind: keyof Names, name: string, isThere: boolean): void {
  const names = all.get(runId) ?? { jobs: new Set(), pods: new Set() };
  if (isThere) names[kind].add(name);
  else names[kind].delete(name);
  if (names.jobs.size + names.pods.size === 0) all.delete(runId);
  else all.set(runId, names);
}

function all<T>(names: ReadonlySet<string> | undefined, cache: ListWatch<T>): readonly T[] {
  return [...(names ?? [])].flatMap((name) => cache.get(name) ?? []);
}

function oldest(jobs: readonly Job[]): Job | undefined {
  const [first, ...others] = jobs;
  return first === undefined ? undefined : others.reduce(older, first);
}

function listen(listeners: Map<string, Set<() => void>>, runId: string, listener: () => void): () => void {
  const own = listeners.get(runId) ?? new Set();
  listeners.set(runId, own.add(listener));
  return () => {
    own.delete(listener);
    if (own.size === 0 && listeners.get(runId) === own) listeners.delete(runId);
  };
}
