import { MAIN_CONTAINER } from '@runner/executor';
import type { ContainerStatus, Job, JobCondition, KubeEvent, Pod } from '@runner/kube';
import { mainEndOf } from './annotations.ts';

/** What is there of one run: its Job, if it stands, and all pods that carry the run's id. */
export interface RunSight {
  readonly runId: string;
  readonly job?: Job;
  readonly pods: readonly Pod[];
  /** A pod that is gone, as a watch saw it last. Says how it ended, and nothing about what is there. */
  readonly lastPod?: Pod;
  /** Events of Job or pod, where they were read. */
  readonly events?: readonly KubeEvent[];
}

/** Epoch milliseconds of an API time; undefined for none and for the zero time, which stands for "not known". */
export function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}

/** True while something of the pod may execute. Its phase is final only when all of its containers have ended. */
export function isLivePod(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

export function isLeaving(object: Pod | Job): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

export function mainStatus(pod: Pod | undefined): ContainerStatus | undefined {
  return pod?.status?.containerStatuses?.find(({ name }) => name === MAIN_CONTAINER);
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

/** The pod that stands for the run: of this Job before others, living before ended, newest first. */
export function podOf({ job, pods }: RunSight): Pod | undefined {
  const rank = (pod: Pod): readonly number[] => [
    ownerOf(pod)?.uid === job?.metadata?.uid ? 1 : 0,
    isLivePod(pod) ? 1 : 0,
    timeOf(pod.metadata?.creationTimestamp) ?? 0,
  ];
  return pods.toSorted((a, b) => compare(rank(b), rank(a))).at(0);
}

/**
 * The pod that says how the run ended: one that is there, one that is gone, or what was written down of it before it was
 * taken for its other containers.
 */
export function endPodOf(sight: RunSight): Pod | undefined {
  const pod = podOf(sight) ?? sight.lastPod;
  const terminated = mainEndOf(sight.job);
  if (terminated === undefined) return pod;
  const none = { image: '', imageID: '', ready: false, restartCount: 0 };
  const main = { ...none, name: MAIN_CONTAINER, state: { terminated } };
  return { ...pod, status: { ...pod?.status, containerStatuses: [main] } };
}

/** Pods of the Job that have ended or are gone, since it was started or resumed last. */
export function pastPods({ job, pods, lastPod }: RunSight): readonly Pod[] {
  const since = timeOf(job?.status?.startTime) ?? 0;
  return [...pods, ...(lastPod === undefined ? [] : [lastPod])].filter(
    (pod) =>
      job !== undefined &&
      ownerOf(pod)?.uid === job.metadata?.uid &&
      (timeOf(pod.metadata?.creationTimestamp) ?? 0) >= since,
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** The Job that a pod belongs to. None for a pod that was kept when its Job was deleted. */
export function ownerOf(pod: Pod): { readonly name: string; readonly uid: string } | undefined {
  return pod.metadata?.ownerReferences?.find(({ kind }) => kind === 'Job');
}

/** The condition that says that a Job is over; it is never taken back. */
export function endCondition(job: Job | undefined): JobCondition | undefined {
  return job?.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/**
 * True when no pod of the Job will ever run: held back by somebody, and told by us to have none. Its deadline does not
 * count while it is held back, so it never gets the condition.
 */
export function isShelved(job: Job): boolean {
  return job.spec?.suspend === true && job.spec.parallelism === 0;
}
