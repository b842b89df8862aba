import type { Job, JobCondition, Pod } from '../../objects.ts';
import { without } from '../server/stored.ts';

/** What the Job controller of 1.34 concludes from a Job and its pods. Pure. */

export const TRACKING = 'batch.kubernetes.io/job-tracking';

export type JobStatus = NonNullable<Job['status']>;

export interface Verdict {
  readonly reason: string;
  readonly message: string;
}

export const BACKOFF: Verdict = {
  reason: 'BackoffLimitExceeded',
  message: 'Job has reached the specified backoff limit',
};
export const DEADLINE: Verdict = {
  reason: 'DeadlineExceeded',
  message: 'Job was active longer than specified deadline',
};
const COMPLETE: Verdict = { reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };

export function conditionOf(job: Job, type: string): JobCondition | undefined {
  return job.status?.conditions?.find((one) => one.type === type && one.status === 'True');
}

export const isFinished = (job: Job): boolean =>
  conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined;

export const phaseOf = (pod: Pod): string => pod.status?.phase ?? 'Pending';
export const isOver = (pod: Pod): boolean => ['Succeeded', 'Failed'].includes(phaseOf(pod));
export const isTracked = (pod: Pod): boolean => (pod.metadata?.finalizers ?? []).includes(TRACKING);
const isLeaving = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;
const isReady = (pod: Pod): boolean =>
  (pod.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');

/** The pods of a Job, sorted into what the controller counts. */
export interface Tally {
  readonly active: readonly Pod[];
  readonly terminating: number;
  readonly ready: number;
  /** Not counted yet: over or on their way out, and still held by the finalizer. */
  readonly newlySucceeded: readonly Pod[];
  readonly newlyFailed: readonly Pod[];
}

export function tally(pods: readonly Pod[]): Tally {
  const active = pods.filter((pod) => !isOver(pod) && !isLeaving(pod));
  const tracked = pods.filter(isTracked);
  return {
    active,
    terminating: pods.filter((pod) => !isOver(pod) && isLeaving(pod)).length,
    ready: active.filter(isReady).length,
    newlySucceeded: tracked.filter((pod) => phaseOf(pod) === 'Succeeded'),
    // A pod that is being deleted counts as failed before it is gone.
    newlyFailed: tracked.filter((pod) => phaseOf(pod) === 'Failed' || (isLeaving(pod) && phaseOf(pod) !== 'Succeeded')),
  };
}

export function newCondition(
  type: string,
  status: 'True' | 'False',
  verdict: Verdict | undefined,
  now: string,
): JobCondition {
  return { type, status, lastProbeTime: now, lastTransitionTime: now, ...verdict };
}

export function withCondition(conditions: readonly JobCondition[], added: JobCondition): readonly JobCondition[] {
  const old = conditions.findIndex((one) => one.type === added.type);
  return old < 0 ? [...conditions, added] : conditions.map((one, i) => (i === old ? added : one));
}

export interface Judged {
  /** Set when the Job is to fail. */
  readonly failure: Verdict | undefined;
  readonly success: Verdict | undefined;
}

export interface JudgeInput {
  readonly job: Job;
  readonly counted: Tally;
  readonly deadlinePassed: boolean;
}

/** Whether a Job is over, and why. A failure that was announced stands. */
export function judge({ job, counted, deadlinePassed }: JudgeInput): Judged {
  const announced = conditionOf(job, 'FailureTarget');
  if (announced !== undefined) {
    return { failure: { reason: announced.reason ?? '', message: announced.message ?? '' }, success: undefined };
  }
  if (conditionOf(job, 'SuccessCriteriaMet') !== undefined) return { failure: undefined, success: COMPLETE };
  const failed = (job.status?.failed ?? 0) + counted.newlyFailed.length;
  const exceeded = counted.newlyFailed.length > 0 && failed > (job.spec?.backoffLimit ?? 6);
  if (exceeded) return { failure: BACKOFF, success: undefined };
  // Even when its pod has succeeded, as long as that was not counted.
  if (deadlinePassed && job.spec?.suspend !== true) return { failure: DEADLINE, success: undefined };
  const succeeded = (job.status?.succeeded ?? 0) + counted.newlySucceeded.length;
  const wanted = job.spec?.completions ?? 1;
  return {
    failure: undefined,
    success: succeeded >= wanted ? COMPLETE : undefined,
  };
}

/** A status without counts of zero that the API leaves out. */
export function statusOf(
  base: JobStatus,
  counts: {
    readonly active: number;
    readonly terminating: number;
    readonly ready: number;
    readonly succeeded: number;
    readonly failed: number;
  },
): JobStatus {
  const rest = without(base, 'active', 'succeeded', 'failed');
  return {
    ...rest,
    ...(counts.active === 0 ? {} : { active: counts.active }),
    ...(counts.succeeded === 0 ? {} : { succeeded: counts.succeeded }),
    ...(counts.failed === 0 ? {} : { failed: counts.failed }),
    terminating: counts.terminating,
    uncountedTerminatedPods: {},
    ready: counts.ready,
  };
}

export function countsOf(job: Job): { readonly succeeded: number; readonly failed: number } {
  return { succeeded: job.status?.succeeded ?? 0, failed: job.status?.failed ?? 0 };
}
