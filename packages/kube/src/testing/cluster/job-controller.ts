import type { Clock, Timer } from '@runner/core';
import type { Job, Pod } from '../../objects.ts';
import { JOBS, PODS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import { timestamp, without } from '../server/stored.ts';
import type { EventRecorder } from './events.ts';
import type { JobPods } from './job-pods.ts';
import { podOf } from './job-pods.ts';
import type { JobStatus, Tally, Verdict } from './job-status.ts';
import {
  conditionOf,
  countsOf,
  isFinished,
  judge,
  newCondition,
  statusOf,
  tally,
  withCondition,
} from './job-status.ts';

export interface JobControllerOptions {
  readonly server: TestApiServer;
  readonly clock: Clock;
  readonly secondMs: number;
  readonly conditions: '1.28' | '1.34';
  readonly events: EventRecorder;
  readonly pods: JobPods;
  readonly podSuffix: () => string;
  /** Why no pod may be made for this Job just now. */
  readonly refusal: (job: Job) => string | undefined;
  /** Asks for another `sync` of this Job. */
  readonly again: (namespace: string, name: string) => void;
}

/** First pause after a failed pod; doubles with each. */
const BACKOFF_SECONDS = 10;
/** Between attempts to make a pod that is refused. */
const REFUSED_SECONDS = 1;
const SUSPENDED: Verdict = { reason: 'JobSuspended', message: 'Job suspended' };
const RESUMED: Verdict = { reason: 'JobResumed', message: 'Job resumed' };

/** What is known of a Job beyond the API. */
interface Known {
  /** To the millisecond; the API has seconds. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  timer: Timer | undefined;
  retryAt: number;
}

/** Plays the Job controller: `sync` is called for each Job that changed, or whose pods did. */
export class JobController {
  readonly #options: JobControllerOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: JobControllerOptions) {
    this.#options = options;
  }

  jobGone(uid: string): void {
    this.#known.get(uid)?.timer?.cancel();
    this.#known.delete(uid);
  }

  close(): void {
    for (const known of this.#known.values()) known.timer?.cancel();
  }

  sync(namespace: string, name: string): void {
    const job = this.#options.server.object(JOBS, namespace, name);
    if (job === undefined) return;
    const pods = this.#options.pods.of(job);
    if (isFinished(job)) this.#afterEnd(job, pods);
    else if (job.metadata?.deletionTimestamp !== undefined) this.#leave(job, pods);
    else if (job.spec?.suspend === true) this.#suspend(job, pods);
    else this.#run(job, pods);
  }

  #run(job: Job, pods: readonly Pod[]): void {
    const started = this.#started(job);
    const known = this.#of(job);
    const counted = tally(pods);
    const judged = judge({ job: started, counted, deadlinePassed: this.#deadlinePassed(started, known) });
    if (judged.failure !== undefined) this.#conclude(started, counted, 'FailureTarget', judged.failure);
    else if (judged.success !== undefined) this.#conclude(started, counted, 'SuccessCriteriaMet', judged.success);
    else this.#count(started, counted, { active: this.#manage(started, counted, known), ready: counted.ready });
  }

  /** With a start time, and `Suspended` taken back. */
  #started(job: Job): Job {
    const status = job.status ?? {};
    const suspended = conditionOf(job, 'Suspended') !== undefined;
    if (status.startTime !== undefined && !suspended) return job;
    const now = this.#now();
    this.#of(job).startedAt = this.#options.clock.now();
    if (!suspended) return { ...job, status: { ...status, startTime: now } };
    this.#tell(job, 'Normal', 'Resumed', RESUMED.message);
    const conditions = withCondition(status.conditions ?? [], newCondition('Suspended', 'False', RESUMED, now));
    return { ...job, status: { ...status, conditions, startTime: now } };
  }

  #deadlinePassed(job: Job, known: Known): boolean {
    const seconds = job.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return false;
    const startedAt = known.startedAt ?? Date.parse(job.status?.startTime ?? '');
    const left = startedAt + seconds * this.#options.secondMs - this.#options.clock.now();
    if (left > 0) this.#later(job, known, left);
    return left <= 0;
  }

  /** Makes pods that are missing, deletes those that are too many. Gives how many are active then. */
  #manage(job: Job, counted: Tally, known: Known): number {
    const before = countsOf(job);
    const missing = (job.spec?.completions ?? Infinity) - before.succeeded - counted.newlySucceeded.length;
    const wanted = Math.max(0, Math.min(job.spec?.parallelism ?? 1, missing));
    this.#deletePods(job, counted.active.slice(wanted), true);
    const now = this.#options.clock.now();
    if (counted.newlyFailed.length > 0) {
      const failed = before.failed + counted.newlyFailed.length;
      known.retryAt = now + BACKOFF_SECONDS * 2 ** (failed - 1) * this.#options.secondMs;
    }
    let active = Math.min(counted.active.length, wanted);
    // Pods on their way out are replaced at once unless the Job says otherwise.
    const taken = job.spec?.podReplacementPolicy === 'Failed' ? counted.terminating : 0;
    while (active + taken < wanted) {
      if (now < known.retryAt) {
        this.#later(job, known, known.retryAt - now);
        break;
      }
      if (!this.#createPod(job, known)) break;
      active += 1;
    }
    return active;
  }

  #createPod(job: Job, known: Known): boolean {
    const { server, podSuffix, refusal, secondMs } = this.#options;
    const { name: jobName = '', namespace = '' } = job.metadata ?? {};
    const name = `${jobName}-${podSuffix()}`;
    const refused = refusal(job) ?? server.overQuota(PODS, namespace, name);
    if (refused !== undefined) {
      this.#tell(job, 'Warning', 'FailedCreate', `Error creating: ${refused}`);
      this.#later(job, known, REFUSED_SECONDS * secondMs);
      return false;
    }
    server.put(PODS, podOf(job, name));
    this.#tell(job, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`);
    return true;
  }

  /** Announces the end first; the condition that ends the Job follows when its pods are gone. */
  #conclude(job: Job, counted: Tally, target: 'FailureTarget' | 'SuccessCriteriaMet', verdict: Verdict): void {
    const last = target === 'FailureTarget' ? 'Failed' : 'Complete';
    const isOld = this.#options.conditions === '1.28';
    const announced = isOld || conditionOf(job, target) !== undefined;
    const before = job.status?.conditions ?? [];
    const conditions = announced ? before : withCondition(before, newCondition(target, 'True', verdict, this.#now()));
    this.#deletePods(job, counted.active, false);
    const left = tally(this.#options.pods.of(job));
    this.#count({ ...job, status: { ...job.status, conditions } }, left, { active: 0, ready: 0 });
    // Written one after the other; the change that this makes brings the controller here again.
    if (announced && (isOld || left.terminating === 0)) this.#end(job, last, verdict);
  }

  #end(job: Job, last: 'Failed' | 'Complete', verdict: Verdict): void {
    const latest = this.#latest(job);
    if (latest === undefined) return;
    const now = this.#now();
    // Reasons of completion are younger than those of failure.
    const said = last === 'Complete' && this.#options.conditions === '1.28' ? undefined : verdict;
    const conditions = withCondition(latest.status?.conditions ?? [], newCondition(last, 'True', said, now));
    const completion = last === 'Failed' ? {} : { completionTime: now };
    this.#options.server.put(JOBS, { ...latest, status: { ...latest.status, ...completion, conditions } });
    if (last === 'Failed') this.#tell(job, 'Warning', verdict.reason, verdict.message);
    else this.#tell(job, 'Normal', 'Completed', 'Job completed');
  }

  /** Lets go of the pods, and deletes the Job when its time to live is over. */
  #afterEnd(job: Job, pods: readonly Pod[]): void {
    this.#options.pods.release(pods);
    const known = this.#of(job);
    const seconds = job.spec?.ttlSecondsAfterFinished;
    if (seconds === undefined || known.endedAt !== undefined || job.metadata?.deletionTimestamp !== undefined) return;
    known.endedAt = this.#options.clock.now();
    known.timer?.cancel();
    const { namespace = '', name = '' } = job.metadata ?? {};
    known.timer = this.#options.clock.setTimer(seconds * this.#options.secondMs, () => {
      this.#options.server.delete(JOBS, namespace, name, { propagation: 'Foreground' });
    });
  }

  #suspend(job: Job, pods: readonly Pod[]): void {
    this.#deletePods(job, tally(pods).active, true);
    let status: JobStatus = job.status ?? {};
    if (conditionOf(job, 'Suspended') === undefined) {
      const added = newCondition('Suspended', 'True', SUSPENDED, this.#now());
      status = { ...status, conditions: withCondition(status.conditions ?? [], added) };
      this.#tell(job, 'Normal', 'Suspended', SUSPENDED.message);
    }
    this.#count({ ...job, status }, tally(this.#options.pods.of(job)), { active: 0, ready: 0 });
  }

  /** A Job that is being deleted lets go of its pods; the collector deletes them. */
  #leave(job: Job, pods: readonly Pod[]): void {
    this.#options.pods.release(pods);
    const { active, terminating, ready } = tally(this.#options.pods.of(job));
    this.#write(job, statusOf(job.status ?? {}, { ...countsOf(job), active: active.length, terminating, ready }));
  }

  /** Writes the counts, then lets go of what was counted. */
  #count(job: Job, counted: Tally, now: { readonly active: number; readonly ready: number }): void {
    const before = countsOf(job);
    const succeeded = before.succeeded + counted.newlySucceeded.length;
    const failed = before.failed + counted.newlyFailed.length;
    this.#write(job, statusOf(job.status ?? {}, { ...now, terminating: counted.terminating, succeeded, failed }));
    this.#options.pods.release([...counted.newlySucceeded, ...counted.newlyFailed]);
  }

  #write(job: Job, status: JobStatus): void {
    const latest = this.#latest(job);
    const kept = this.#options.conditions === '1.28' ? without(status, 'terminating') : status;
    if (latest === undefined || JSON.stringify(latest.status) === JSON.stringify(kept)) return;
    this.#options.server.put(JOBS, { ...latest, status: kept });
  }

  #latest(job: Job): Job | undefined {
    const latest = this.#options.server.object(JOBS, job.metadata?.namespace ?? '', job.metadata?.name ?? '');
    return latest?.metadata?.uid === job.metadata?.uid ? latest : undefined;
  }

  #deletePods(job: Job, pods: readonly Pod[], uncounted: boolean): void {
    if (uncounted) this.#options.pods.release(pods);
    for (const { metadata } of pods) {
      const name = metadata?.name ?? '';
      this.#options.server.delete(PODS, metadata?.namespace ?? '', name);
      this.#tell(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    }
  }

  #of(job: Job): Known {
    const uid = job.metadata?.uid ?? '';
    const known = this.#known.get(uid) ?? { startedAt: undefined, endedAt: undefined, timer: undefined, retryAt: 0 };
    this.#known.set(uid, known);
    return known;
  }

  #later(job: Job, known: Known, ms: number): void {
    known.timer?.cancel();
    const { namespace = '', name = '' } = job.metadata ?? {};
    known.timer = this.#options.clock.setTimer(ms, () => this.#options.again(namespace, name));
  }

  #now(): string {
    return timestamp(this.#options.clock.now());
  }

  #tell(job: Job, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.events.record(job, { type, reason, message, from: 'job-controller' });
  }
}
