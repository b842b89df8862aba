import { MAIN_CONTAINER } from '@runner/executor';
import type { Job, JobCondition, Pod } from '@runner/kube';
import type { RunSight } from '@runner/kube/runs';
import { isLivePod, ownerOf, timeOf } from '@runner/kube/runs';
import { mainEndOf } from './annotations.ts';

/** What is there of one run: its Job, if it stands, and all pods that carry the run's id. */
export interface JobSight extends RunSight {
  readonly job?: Job;
}

/** The Job that a pod belongs to. None for a pod that was kept when its Job was deleted. */
export const jobOwnerOf = (pod: Pod): ReturnType<typeof ownerOf> => ownerOf(pod, 'Job');

/** The pod that stands for the run: of this Job before others, living before ended, newest first. */
export function podOf({ job, pods }: JobSight): Pod | undefined {
  const rank = (pod: Pod): readonly number[] => [
    jobOwnerOf(pod)?.uid === job?.metadata?.uid ? 1 : 0,
    isLivePod(pod) ? 1 : 0,
    timeOf(pod.metadata?.creationTimestamp) ?? 0,
  ];
  return pods.toSorted((a, b) => compare(rank(b), rank(a))).at(0);
}

/**
 * The pod that says how the run ended: one that is there, one that is gone, or what was written down of it before it was
 * taken for its other containers.
 */
export function endPodOf(sight: JobSight): Pod | undefined {
  const pod = podOf(sight) ?? sight.lastPod;
  const terminated = mainEndOf(sight.job);
  if (terminated === undefined) return pod;
  const none = { image: '', imageID: '', ready: false, restartCount: 0 };
  const main = { ...none, name: MAIN_CONTAINER, state: { terminated } };
  return { ...pod, status: { ...pod?.status, containerStatuses: [main] } };
}

/** Pods of the Job that have ended or are gone, since it was started or resumed last. */
export function pastPods({ job, pods, lastPod }: JobSight): readonly Pod[] {
  const since = timeOf(job?.status?.startTime) ?? 0;
  return [...pods, ...(lastPod === undefined ? [] : [lastPod])].filter(
    (pod) =>
      job !== undefined &&
      jobOwnerOf(pod)?.uid === job.metadata?.uid &&
      (timeOf(pod.metadata?.creationTimestamp) ?? 0) >= since,
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
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
