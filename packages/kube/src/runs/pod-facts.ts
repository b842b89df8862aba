import type { KubeObject, Pod } from '../objects.ts';
import { mainStatus } from '../diagnose/main-container.ts';

/** Epoch milliseconds of an API time; undefined for none and for the zero time, which stands for "not known". */
export function timeOf(text: string | null | undefined): number | undefined {
  const time = text === undefined || text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}

/** True while something of the pod may execute. Its phase is final only when all of its containers have ended. */
export function isLivePod(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

export function isLeaving(object: KubeObject): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

export function hasBegun(pod: Pod | undefined): boolean {
  const state = mainStatus(pod)?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
}

/** Epoch milliseconds at which the main program began. */
export function beganAt(pod: Pod | undefined): number | undefined {
  const state = mainStatus(pod)?.state;
  return timeOf(state?.running?.startedAt) ?? timeOf(state?.terminated?.startedAt);
}

/** The object of this kind that a pod belongs to. */
export function ownerOf(pod: Pod, kind: string): { readonly name: string; readonly uid: string } | undefined {
  return pod.metadata?.ownerReferences?.find((owner) => owner.kind === kind);
}

/**
 * Somebody may have made a copy of a workload, labels and all, under another name. The first one is the run's.
 */
export function older<T extends KubeObject>(one: T, other: T): T {
  const age = (object: T): number => timeOf(object.metadata?.creationTimestamp) ?? Infinity;
  if (age(one) !== age(other)) return age(other) < age(one) ? other : one;
  return (other.metadata?.name ?? '') < (one.metadata?.name ?? '') ? other : one;
}

/** The first one of many. */
export function oldest<T extends KubeObject>(objects: readonly T[]): T | undefined {
  const [first, ...others] = objects;
  return first === undefined ? undefined : others.reduce(older, first);
}
