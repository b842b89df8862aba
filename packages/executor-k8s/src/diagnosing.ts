import type { Timer } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Observation } from '@runner/executor';
import type { Pod } from '@runner/kube';
import { EVENTS } from '@runner/kube';
import type { Gate } from './gate.ts';
import { gate } from './gate.ts';
import { keepEvent } from './kept.ts';
import type { K8sParts } from './parts.ts';
import type { RunSight } from './sight.ts';
import { mainStatus, podOf } from './sight.ts';

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

/**
 * Reads the events of workloads that do not get on: once when they have waited for a while, then at growing distance as
 * long as that may bring news. Events are listed, never watched, and only for the one object.
 */
export class Diagnosing {
  readonly #parts: K8sParts;
  readonly #onNews: (runId: string) => void;
  readonly #signal: AbortSignal;
  readonly #waits = new Map<string, Wait>();
  readonly #gate: Gate = gate(PARALLEL);
  /** Reading them was refused; not before this time (monotonic) it is tried again. Undefined while it is allowed. */
  #refusedUntil: number | undefined;

  constructor(parts: K8sParts, onNews: (runId: string) => void, signal: AbortSignal) {
    this.#parts = parts;
    this.#onNews = onNews;
    this.#signal = signal;
  }

  see(sight: RunSight, seen: Observation): void {
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
    this.#parts.notes.delete(runId);
  }

  stop(): void {
    for (const runId of [...this.#waits.keys()]) this.forget(runId);
  }

  #targetOf(sight: RunSight, seen: Observation): Target | undefined {
    if (seen.presence !== 'present' || seen.suspended === true) return undefined;
    const { noPodMs, stuckPodMs } = this.#parts.timings;
    const pod = podOf(sight);
    const uid = (pod ?? sight.job)?.metadata?.uid;
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
    return this.#parts.clock.setTimer(ms, () => void this.#read(runId));
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
      this.#onNews(runId);
    } catch (error) {
      if (this.#signal.aborted) return;
      if (isRunnerError(error, 'kube_forbidden')) this.#refused(error);
      else this.#parts.logger.debug('the events of a waiting workload could not be read', { runId, error });
    } finally {
      this.#again(runId, wait);
    }
  }

  /** False when the run has got on meanwhile. */
  async #note(runId: string, wait: Wait): Promise<boolean> {
    const { api, namespace, notes, nodes } = this.#parts;
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
    const { logger, clock, timings } = this.#parts;
    if (this.#refusedUntil === undefined) {
      logger.warn('events may not be read; waiting workloads are diagnosed without them', { error });
    }
    this.#refusedUntil = clock.monotonic() + timings.eventsCapMs;
  }

  #isRefused(): boolean {
    return this.#refusedUntil !== undefined && this.#parts.clock.monotonic() < this.#refusedUntil;
  }

  #again(runId: string, wait: Wait): void {
    if (this.#signal.aborted || this.#waits.get(runId) !== wait) return;
    const { clock, timings } = this.#parts;
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
