import type { Clock, Logger, Timer } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Observation } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';
import { mainStatus } from '../diagnose/main-container.ts';
import type { KubeObject, Pod } from '../objects.ts';
import { EVENTS } from '../objects.ts';
import type { EventNotes } from './event-notes.ts';
import type { Gate } from './gate.ts';
import { gate } from './gate.ts';
import { keepEvent } from './kept.ts';
import type { NodeNotes } from './node-notes.ts';
import type { RunAttendant, RunSight } from './run-sight.ts';

/** Lists of events at the same time. */
const PARALLEL = 4;

/** The object whose events would say why a run waits, and how long it may wait before they are read. */
interface Target {
  readonly uid: string;
  /** Tells this reason to wait from another one of the same object. */
  readonly key: string;
  readonly afterMs: number;
  /** No node has taken its pod; their taints may say why. */
  readonly isHomeless: boolean;
}

interface Wait extends Target {
  timer: Timer;
  attempt: number;
}

export interface EventReadingOptions<Sight extends RunSight> {
  readonly api: Pick<KubeApi, 'list'>;
  readonly namespace: string;
  readonly notes: EventNotes;
  readonly nodes: NodeNotes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** All in milliseconds: for a run without a pod, one whose pod does not begin, and between two readings. */
  readonly timings: {
    readonly noPodMs: number;
    readonly stuckPodMs: number;
    readonly eventsFloorMs: number;
    readonly eventsCapMs: number;
  };
  /** The object of a run, and the pod that stands for it. */
  readonly targets: (sight: Sight) => { readonly object: KubeObject | undefined; readonly pod: Pod | undefined };
  /** Events of a run were read. */
  readonly onNews: (runId: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads the events of workloads that do not get on: once when they have waited for a while, then at growing distance as
 * long as that may bring news. Events are listed, never watched, and only for the one object.
 */
export class EventReading<Sight extends RunSight> implements RunAttendant<Sight> {
  readonly #options: EventReadingOptions<Sight>;
  readonly #signal: AbortSignal;
  readonly #waits = new Map<string, Wait>();
  readonly #gate: Gate = gate(PARALLEL);
  /** Reading them was refused; not before this time (monotonic) it is tried again. Undefined while it is allowed. */
  #refusedUntil: number | undefined;

  constructor(options: EventReadingOptions<Sight>) {
    this.#options = options;
    this.#signal = options.signal;
  }

  see(sight: Sight, seen: Observation): void {
    const { runId } = sight;
    const target = this.#targetOf(sight, seen);
    const before = this.#waits.get(runId);
    if (before?.key === target?.key) return;
    before?.timer.cancel();
    // What is known of the object stays true of it; of another one it says nothing.
    if (before?.uid !== target?.uid) this.forget(runId);
    if (target === undefined || this.#signal.aborted) return;
    this.#waits.set(runId, { ...target, attempt: 0, timer: this.#timer(runId, target.afterMs) });
  }

  forget(runId: string): void {
    this.#waits.get(runId)?.timer.cancel();
    this.#waits.delete(runId);
    this.#options.notes.delete(runId);
  }

  stop(): void {
    for (const runId of [...this.#waits.keys()]) this.forget(runId);
  }

  #targetOf(sight: Sight, seen: Observation): Target | undefined {
    if (seen.presence !== 'present' || seen.suspended === true) return undefined;
    const { noPodMs, stuckPodMs } = this.#options.timings;
    const { object, pod } = this.#options.targets(sight);
    const uid = (pod ?? object)?.metadata?.uid;
    if (uid === undefined) return undefined;
    if (seen.phase === 'pending') {
      const isHomeless = pod !== undefined && pod.spec?.nodeName === undefined;
      return { uid, key: `${uid} ${obstacleOf(pod)}`, afterMs: pod === undefined ? noPodMs : stuckPodMs, isHomeless };
    }
    // A program that runs on a node that does not answer any more.
    return seen.phase === 'running' && isUnheard(pod)
      ? { uid, key: `${uid} unheard`, afterMs: noPodMs, isHomeless: false }
      : undefined;
  }

  #timer(runId: string, ms: number): Timer {
    return this.#options.clock.setTimer(ms, () => void this.#read(runId));
  }

  async #read(runId: string): Promise<void> {
    const wait = this.#waits.get(runId);
    if (wait === undefined) return;
    try {
      const leave = await this.#gate.enter(this.#signal);
      try {
        if (this.#waits.get(runId) !== wait || this.#isRefused()) return;
        if (!(await this.#note(runId, wait))) return;
      } finally {
        leave();
      }
      this.#options.onNews(runId);
    } catch (error) {
      if (this.#signal.aborted) return;
      if (isRunnerError(error, 'kube_forbidden')) this.#refused(error);
      else this.#options.logger.debug('the events of a waiting workload could not be read', { runId, error });
    } finally {
      this.#again(runId, wait);
    }
  }

  /** False when the run has got on meanwhile. */
  async #note(runId: string, wait: Wait): Promise<boolean> {
    const { api, namespace, notes, nodes } = this.#options;
    const { items } = await api.list(EVENTS, namespace, {
      fieldSelector: `involvedObject.uid=${wait.uid}`,
      keep: keepEvent,
      signal: this.#signal,
    });
    this.#refusedUntil = undefined;
    if (this.#waits.get(runId) !== wait) return false;
    notes.set(runId, items);
    if (wait.isHomeless) await nodes.refresh(this.#signal);
    return true;
  }

  /** One of the waiting runs asks again at times: a right may be granted later, and an authorizer may fail for a moment. */
  #refused(error: unknown): void {
    const { logger, clock, timings } = this.#options;
    if (this.#refusedUntil === undefined) {
      logger.warn('events may not be read; waiting workloads are diagnosed without them', { error });
    }
    this.#refusedUntil = clock.monotonic() + timings.eventsCapMs;
  }

  #isRefused(): boolean {
    return this.#refusedUntil !== undefined && this.#options.clock.monotonic() < this.#refusedUntil;
  }

  #again(runId: string, wait: Wait): void {
    if (this.#signal.aborted || this.#waits.get(runId) !== wait) return;
    const { clock, timings } = this.#options;
    const refusedMs = this.#refusedUntil === undefined ? 0 : this.#refusedUntil - clock.monotonic();
    const ms = Math.min(timings.eventsCapMs, timings.eventsFloorMs * 2 ** wait.attempt);
    wait.timer = this.#timer(runId, Math.max(ms, refusedMs));
    wait.attempt = Math.min(wait.attempt + 1, 16);
  }
}

/** What is in the way now: with another obstacle the events are read as soon as for a new wait. */
function obstacleOf(pod: Pod | undefined): string {
  if (pod === undefined) return 'no pod';
  if (pod.spec?.nodeName === undefined) return 'no node';
  const reason = mainStatus(pod)?.state?.waiting?.reason ?? STARTING;
  // A pull that fails and the pause after it take turns.
  return /image|registry/i.test(reason) ? 'image' : reason;
}

/** What the kubelet says as long as nothing is wrong. */
const STARTING = 'ContainerCreating';

function isUnheard(pod: Pod | undefined): boolean {
  const ready = pod?.status?.conditions?.find(({ type }) => type === 'Ready');
  return mainStatus(pod)?.state?.running !== undefined && ready !== undefined && ready.status !== 'True';
}
