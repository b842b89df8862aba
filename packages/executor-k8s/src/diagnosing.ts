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
  #isForbidden = false;

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
    this.forget(runId);
    if (target === undefined || this.#isForbidden || this.#signal.aborted) return;
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
      return { uid, key: uid, afterMs: pod === undefined ? noPodMs : stuckPodMs, isHomeless };
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
    const { api, namespace, notes, logger, timings } = this.#parts;
    try {
      const leave = await this.#gate.enter(this.#signal);
      try {
        const { items } = await api.list(EVENTS, namespace, {
          fieldSelector: `involvedObject.uid=${wait.uid}`,
          keep: keepEvent,
          signal: this.#signal,
        });
        if (this.#waits.get(runId) !== wait) return;
        notes.set(runId, items);
        if (wait.isHomeless) await this.#parts.nodes.refresh(this.#signal);
      } finally {
        leave();
      }
      this.#onNews(runId);
    } catch (error) {
      if (this.#signal.aborted) return;
      if (isRunnerError(error, 'kube_forbidden')) {
        logger.warn('events may not be read; waiting workloads are diagnosed without them', { error });
        this.#isForbidden = true;
        this.stop();
        return;
      }
      logger.debug('the events of a waiting workload could not be read', { runId, error });
    }
    if (this.#waits.get(runId) !== wait) return;
    wait.timer = this.#timer(runId, Math.min(timings.eventsCapMs, timings.eventsFloorMs * 2 ** wait.attempt));
    wait.attempt = Math.min(wait.attempt + 1, 16);
  }
}

function isUnheard(pod: Pod | undefined): boolean {
  const ready = pod?.status?.conditions?.find(({ type }) => type === 'Ready');
  return mainStatus(pod)?.state?.running !== undefined && ready !== undefined && ready.status !== 'True';
}
