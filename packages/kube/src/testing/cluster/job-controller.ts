import type { Clock, Timer } from '@runner/core';
import type { Job, JobCondition, Pod } from '../../objects.ts';
import { JOBS, PODS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import { timestamp } from '../server/stored.ts';
import type { EventRecorder } from './events.ts';
import {
  BACKOFF,
  TRACKING,
  isFinished,
  isTracked,
  judge,
  newCondition,
  statusOf,
  tally,
  withCondition,
} from './job-status.ts';
import type { JobStatus, Judged, Tally } from './job-status.ts';

export interface JobControllerOptions {
  readonly server: TestApiServer;
  readonly clock: Clock;
  readonly secondMs: number;
  readonly events: EventRecorder;
  readonly podSuffix: () => string;
  /** Why no pod may be made for this Job just now. */
  readonly refusal: (job: Job, podName: string) => string | undefined;
}

/** First pause after a failed pod; doubles with each. */
const BACKOFF_SECONDS = 10;
/** Between attempts to make a pod that is refused. */
const REFUSED_SECONDS = 1;

/** What is known of a Job beyond the API. */
interface Known {
  readonly pods: Set<string>;
  /** To the millisecond; the API has seconds. */
  startedAt: number | undefined;
  timer: Timer | undefined;
  retryAt: number;
}

/** Plays the Job controller: `sync` is called for each Job that changed, or whose pods did. */
export class JobController {
  readonly #options: JobControllerOptions;
  readonly #known = new Map<string, Known>();
  readonly #sync: (namespace: string, name: string) => void;

  constructor(options: JobControllerOptions, again: (namespace: string, name: string) => void) {
    this.#options = options;
    this.#sync = again;
  }

  podSeen(owner: string, pod: string, gone: boolean): void {
    const { pods } = this.#of(owner);
    if (gone) pods.delete(pod);
    else pods.add(pod);
  }

  jobGone(uid: string): void {
    this.#known.get(uid)?.timer?.cancel();
    this.#known.delete(uid);
  }

  close(): void {
    for (const known of this.#known.values()) known.timer?.cancel();
  }

  podsOf(job: Job): readonly Pod[] {
    const { server } = this.#options;
    const namespace = job.metadata?.namespace ?? '';
    const names = [...(this.#known.get(job.metadata?.uid ?? '')?.pods ?? [])];
    return names.map((name) => server.object(PODS, namespace, name)).filter((pod) => pod !== undefined);
  }

  sync(namespace: string, name: string): void {
    const job = this.#options.server.object(JOBS, namespace, name);
    if (job === undefined) return;
    const pods = this.podsOf(job);
    if (isFinished(job)) return this.#release(pods);
    const counted = tally(pods);
    if (job.metadata?.deletionTimestamp !== undefined) return this.#leave(job, pods, counted);
    if (job.spec?.suspend === true) return this.#suspend(job, counted);
    this.#run(job, counted);
  }

  #of(uid: string): Known {
    const known = this.#known.get(uid) ?? {
      pods: new Set<string>(),
      startedAt: undefined,
      timer: undefined,
      retryAt: 0,
    };
    this.#known.set(uid, known);
    return known;
  }

  #now(): string {
    return timestamp(this.#options.clock.now());
  }

  #run(job: Job, counted: Tally): void {
    const started = this.#started(job);
    const known = this.#of(job.metadata?.uid ?? '');
    const judged = judge({ job: started, counted, deadlinePassed: this.#deadlinePassed(started, known) });
    if (judged.failure !== undefined || judged.success !== undefined) return this.#conclude(started, counted, judged);
    const active = this.#manage(started, counted, known);
    this.#count(started, counted, { active, ready: counted.ready });
  }

  /** With a start time, and `Suspended` taken back. */
  #started(job: Job): Job {
    const status = job.status ?? {};
    const suspended = status.conditions?.find((one) => one.type === 'Suspended' && one.status === 'True');
    if (status.startTime !== undefined && suspended === undefined) return job;
    const now = this.#now();
    this.#of(job.metadata?.uid ?? '').startedAt = this.#options.clock.now();
    if (suspended === undefined) return { ...job, status: { ...status, startTime: now } };
    const verdict = { reason: 'JobResumed', message: 'Job resumed' };
    this.#options.events.record(job, {
      type: 'Normal',
      reason: 'Resumed',
      message: 'Job resumed',
      from: 'job-controller',
    });
    const conditions = withCondition(status.conditions ?? [], newCondition('Suspended', 'False', verdict, now));
    return { ...job, status: { ...status, conditions, startTime: now } };
  }

  #deadlinePassed(job: Job, known: Known): boolean {
    const seconds = job.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return false;
    const startedAt = known.startedAt ?? Date.parse(job.status?.startTime ?? '');
    const left = startedAt + seconds * this.#options.secondMs - this.#options.clock.now();
    if (left <= 0) return true;
    this.#later(job, known, left);
    return false;
  }

  #later(job: Job, known: Known, ms: number): void {
    known.timer?.cancel();
    const { namespace = '', name = '' } = job.metadata ?? {};
    known.timer = this.#options.clock.setTimer(ms, () => this.#sync(namespace, name));
  }

  /** Makes pods that are missing, deletes those that are too many. Gives how many are active then. */
  #manage(job: Job, counted: Tally, known: Known): number {
    const { server } = this.#options;
    const succeeded = (job.status?.succeeded ?? 0) + counted.newlySucceeded.length;
    const wanted = Math.max(0, Math.min(job.spec?.parallelism ?? 1, (job.spec?.completions ?? Infinity) - succeeded));
    const surplus = counted.active.slice(wanted);
    this.#deletePods(job, surplus, true);
    const failed = (job.status?.failed ?? 0) + counted.newlyFailed.length;
    const pause = counted.newlyFailed.length === 0 ? 0 : BACKOFF_SECONDS * 2 ** (failed - 1) * this.#options.secondMs;
    const now = this.#options.clock.now();
    if (pause > 0) known.retryAt = now + pause;
    let active = Math.min(counted.active.length, wanted);
    while (active + counted.terminating < wanted || (active < wanted && job.spec?.podReplacementPolicy !== 'Failed')) {
      if (now < known.retryAt) {
        this.#later(job, known, known.retryAt - now);
        break;
      }
      const name = `${job.metadata?.name ?? ''}-${this.#options.podSuffix()}`;
      const refusal = this.#options.refusal(job, name) ?? server.overQuota(PODS, job.metadata?.namespace ?? '', name);
      if (refusal !== undefined) {
        this.#tell(job, 'Warning', 'FailedCreate', `Error creating: ${refusal}`);
        this.#later(job, known, REFUSED_SECONDS * this.#options.secondMs);
        break;
      }
      server.put(PODS, podOf(job, name));
      this.#tell(job, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`);
      active += 1;
    }
    return active;
  }

  /** `FailureTarget` or `SuccessCriteriaMet` first; the condition that ends the Job when its pods are gone. */
  #conclude(job: Job, counted: Tally, { failure, success }: Judged): void {
    const target = failure === undefined ? 'SuccessCriteriaMet' : 'FailureTarget';
    const verdict = failure ?? success ?? BACKOFF;
    const now = this.#now();
    const announced = (job.status?.conditions ?? []).some((one) => one.type === target);
    const conditions = announced
      ? (job.status?.conditions ?? [])
      : withCondition(job.status?.conditions ?? [], newCondition(target, 'True', verdict, now));
    const concluded: Job = { ...job, status: { ...job.status, conditions } };
    this.#deletePods(job, counted.active, false);
    const counts = this.#count(concluded, tally(this.podsOf(job)), { active: 0, ready: 0 });
    // The controller writes this first, and comes again when the last pod is gone.
    if (!announced || counts.terminating > 0) return;
    const last = newCondition(failure === undefined ? 'Complete' : 'Failed', 'True', verdict, now);
    const latest = this.#latest(job);
    if (latest === undefined) return;
    const status: JobStatus = {
      ...latest.status,
      conditions: withCondition(latest.status?.conditions ?? [], last),
      ...(failure === undefined ? { completionTime: now } : {}),
    };
    this.#options.server.put(JOBS, { ...latest, status });
    if (failure === undefined) this.#tell(job, 'Normal', 'Completed', 'Job completed');
    else this.#tell(job, 'Warning', verdict.reason, verdict.message);
  }

  #suspend(job: Job, counted: Tally): void {
    this.#deletePods(job, counted.active, true);
    const conditions = job.status?.conditions ?? [];
    const already = conditions.some((one) => one.type === 'Suspended' && one.status === 'True');
    if (already) return void this.#count(job, tally(this.podsOf(job)), { active: 0, ready: 0 });
    const verdict = { reason: 'JobSuspended', message: 'Job suspended' };
    const added: JobCondition = newCondition('Suspended', 'True', verdict, this.#now());
    this.#tell(job, 'Normal', 'Suspended', 'Job suspended');
    const suspended: Job = { ...job, status: { ...job.status, conditions: withCondition(conditions, added) } };
    this.#count(suspended, tally(this.podsOf(job)), { active: 0, ready: 0 });
  }

  /** A Job that is being deleted lets go of its pods; the collector deletes them. */
  #leave(job: Job, pods: readonly Pod[], counted: Tally): void {
    this.#release(pods);
    const active = counted.active.length;
    this.#write(
      job,
      statusOf(job.status ?? {}, {
        ...sums(job),
        active,
        terminating: counted.terminating,
        ready: active === 0 ? 0 : counted.ready,
      }),
    );
  }

  /** Writes the counts, then takes the finalizer from what was counted. */
  #count(
    job: Job,
    counted: Tally,
    now: { readonly active: number; readonly ready: number },
  ): { readonly terminating: number } {
    const before = sums(job);
    const succeeded = before.succeeded + counted.newlySucceeded.length;
    const failed = before.failed + counted.newlyFailed.length;
    const { terminating } = counted;
    this.#write(job, statusOf(job.status ?? {}, { ...now, terminating, succeeded, failed }));
    this.#release([...counted.newlySucceeded, ...counted.newlyFailed]);
    return { terminating };
  }

  #write(job: Job, status: JobStatus): void {
    const latest = this.#latest(job);
    if (latest === undefined || JSON.stringify(latest.status) === JSON.stringify(status)) return;
    this.#options.server.put(JOBS, { ...latest, status });
  }

  #latest(job: Job): Job | undefined {
    const latest = this.#options.server.object(JOBS, job.metadata?.namespace ?? '', job.metadata?.name ?? '');
    return latest?.metadata?.uid === job.metadata?.uid ? latest : undefined;
  }

  #deletePods(job: Job, pods: readonly Pod[], uncounted: boolean): void {
    if (uncounted) this.#release(pods);
    for (const pod of pods) {
      const { namespace = '', name = '' } = pod.metadata ?? {};
      this.#options.server.delete(PODS, namespace, name);
      this.#tell(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    }
  }

  #release(pods: readonly Pod[]): void {
    const { server } = this.#options;
    for (const { metadata } of pods) {
      const pod = server.object(PODS, metadata?.namespace ?? '', metadata?.name ?? '');
      if (pod === undefined || !isTracked(pod)) continue;
      const finalizers = (pod.metadata?.finalizers ?? []).filter((one) => one !== TRACKING);
      const { finalizers: _before, ...rest } = pod.metadata ?? {};
      server.put(PODS, { ...pod, metadata: { ...rest, ...(finalizers.length === 0 ? {} : { finalizers }) } });
    }
  }

  #tell(job: Job, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.events.record(job, { type, reason, message, from: 'job-controller' });
  }
}

function sums(job: Job): { readonly succeeded: number; readonly failed: number } {
  return { succeeded: job.status?.succeeded ?? 0, failed: job.status?.failed ?? 0 };
}

function podOf(job: Job, name: string): Pod {
  const { template } = job.spec ?? {};
  const { namespace = '', uid = '', name: jobName = '' } = job.metadata ?? {};
  return {
    metadata: {
      ...(template?.metadata?.labels === undefined ? {} : { labels: template.metadata.labels }),
      ...(template?.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      name,
      generateName: `${jobName}-`,
      namespace,
      generation: 1,
      finalizers: [TRACKING],
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: jobName, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    ...(template?.spec === undefined ? {} : { spec: template.spec }),
  } as Pod;
}
