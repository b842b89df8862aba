import { backoffDelay } from '@runner/core';
import type { Observation, WorkloadOwner } from '@runner/executor';
import { isEnded } from '@runner/executor';
import { Diagnosing } from './diagnosing.ts';
import type { Gate } from './gate.ts';
import { gate } from './gate.ts';
import { Lingering } from './lingering.ts';
import { isFailure, judged, readRun } from './looking.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';
import type { RunCache } from './run-cache.ts';
import { runCache } from './run-cache.ts';
import type { RunSight } from './sight.ts';
import { endPodOf, mainStatus } from './sight.ts';

/** Looks at runs, and reads of the ends of their logs, at the same time. */
const PARALLEL = 8;
/** Failures that stood before the watch began and get the end of their logs, the newest first. Others can be observed. */
const FIRST_TAILS = 100;
/** For a pod whose Job is not seen: the watch of Jobs may be a little later. */
const SETTLE_MS = 1_000;
const RETRY = { floorMs: 500, capMs: 30_000 };

/** Tells each change of the owner's runs until the signal is aborted. */
export async function watchRuns(
  parts: K8sParts,
  owner: WorkloadOwner,
  onObservation: (observation: Observation) => void,
  signal: AbortSignal,
): Promise<void> {
  const watch = new RunWatch(parts, onObservation, signal);
  const cache = runCache(parts, owner, (runId) => watch.touched(runId));
  parts.caches.add(cache);
  try {
    await Promise.all([cache.run(signal), watch.begin(cache)]);
  } finally {
    parts.caches.delete(cache);
    watch.leave();
  }
}

interface Told {
  /** What two observations have in common when nothing has changed between them. */
  readonly print: string;
  /** Uid of the workload that has ended; what ended never executes again. */
  readonly endedUid: string | undefined;
}

class RunWatch {
  readonly #parts: K8sParts;
  readonly #onObservation: (observation: Observation) => void;
  readonly #signal: AbortSignal;
  readonly #diagnosing: Diagnosing;
  readonly #lingering: Lingering;
  readonly #gate: Gate = gate(PARALLEL);
  /** What was told last of each run. */
  readonly #told = new Map<string, Told>();
  /** Runs being looked at; true when something happened to them meanwhile. */
  readonly #looking = new Map<string, boolean>();
  #cache: RunCache | undefined;

  constructor(parts: K8sParts, onObservation: (observation: Observation) => void, signal: AbortSignal) {
    this.#parts = parts;
    this.#onObservation = onObservation;
    this.#signal = signal;
    this.#diagnosing = new Diagnosing(parts, (runId) => this.touched(runId), signal);
    this.#lingering = new Lingering(parts, signal);
  }

  /** Until both lists are there nothing is told: half of them would show runs without pods. */
  async begin(cache: RunCache): Promise<void> {
    try {
      await cache.synced(this.#signal);
    } catch (error) {
      if (this.#signal.aborted) return;
      throw error;
    }
    this.#cache = cache;
    const sights = cache.runIds().map((runId) => cache.sight(runId));
    const seen = new Map(sights.map((sight) => [sight.runId, judge(sight, this.#parts.context())]));
    const old = [...seen.values()].filter(isFailure).toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
    for (const failure of old.slice(FIRST_TAILS)) this.#tell(failure);
    for (const runId of seen.keys()) this.touched(runId);
  }

  leave(): void {
    this.#diagnosing.stop();
    this.#lingering.stop();
  }

  /** Something happened to a run. */
  touched(runId: string): void {
    if (this.#cache === undefined || this.#signal.aborted) return;
    if (this.#looking.has(runId)) {
      this.#looking.set(runId, true);
      return;
    }
    if (this.#isOver(runId)) this.#cache.settled(runId);
    const sight = this.#cache.sight(runId);
    const seen = judge(sight, this.#parts.context());
    this.#diagnosing.see(sight, seen);
    this.#lingering.see(sight, seen);
    if (this.#isSure(sight, seen)) this.#tell(seen);
    else void this.#look(sight, seen);
  }

  /** Whether the watches alone say enough. An end is told once, so it must be the whole truth. */
  #isSure(sight: RunSight, seen: Observation): boolean {
    const told = this.#told.get(sight.runId);
    if (seen.presence === 'absent') return told === undefined || told.endedUid !== undefined;
    if (sight.job === undefined) return false;
    if (!isEnded(seen)) return true;
    return told?.endedUid === seen.workload.uid || (isExplained(sight) && !isFailure(seen));
  }

  /** Asks the API itself, or only for the end of the log where everything else is known. */
  async #look(sight: RunSight, seen: Observation): Promise<void> {
    const { runId } = sight;
    const { clock, random, logger } = this.#parts;
    this.#looking.set(runId, false);
    const needsTailOnly = isEnded(seen) && isExplained(sight);
    try {
      if (sight.job === undefined && sight.pods.length > 0 && (await this.#isSettled(runId))) return;
      for (let attempt = 0; ; attempt += 1) {
        const leave = await this.#gate.enter(this.#signal);
        try {
          this.#tell(await judged(this.#parts, needsTailOnly ? sight : await this.#ask(runId), this.#signal));
          break;
        } catch (error) {
          if (this.#signal.aborted) return;
          logger.debug('a run could not be looked at; trying again', { runId, error });
        } finally {
          leave();
        }
        await clock.sleep(backoffDelay(attempt, RETRY, random), this.#signal);
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      logger.error('looking at a run failed', { runId, error });
    } finally {
      const again = this.#looking.get(runId) === true;
      this.#looking.delete(runId);
      if (again) this.touched(runId);
    }
  }

  /** Gives the watch of Jobs some time to show the one that a pod belongs to. */
  async #isSettled(runId: string): Promise<boolean> {
    await this.#parts.clock.sleep(SETTLE_MS, this.#signal);
    const isSettled = this.#cache?.sight(runId).job !== undefined;
    if (isSettled) this.#looking.set(runId, true);
    return isSettled;
  }

  /** What the API says now, with what the watches remember of pods that are gone. */
  async #ask(runId: string): Promise<RunSight> {
    const cache = this.#cache;
    const asked = await readRun(this.#parts, runId, this.#signal);
    const lastPod = cache?.sight(runId).lastPod;
    return {
      ...asked,
      pods: asked.pods.map((pod) => cache?.remembered(pod) ?? pod),
      ...(lastPod === undefined ? {} : { lastPod }),
    };
  }

  #tell(seen: Observation): void {
    if (this.#signal.aborted) return;
    const { runId } = seen;
    const told = this.#told.get(runId);
    if (seen.presence === 'absent') {
      this.#diagnosing.forget(runId);
      this.#lingering.forget(runId);
      this.#cache?.settled(runId);
      if (told === undefined) return;
      this.#told.delete(runId);
    } else {
      const endedUid = isEnded(seen) ? seen.workload.uid : undefined;
      // A look may be ahead of the watches; what they show of the time before is no news.
      if (seen.presence === 'present' && told?.endedUid === seen.workload.uid) return;
      const print = endedUid ?? JSON.stringify({ ...seen, observedAt: 0 });
      if (told?.print === print) return;
      this.#told.set(runId, { print, endedUid });
    }
    this.#onObservation(seen);
  }

  #isOver(runId: string): boolean {
    return this.#told.get(runId)?.endedUid !== undefined;
  }
}

/** True when the pod says how its main program ended, so that nothing is left to ask but its log. */
function isExplained(sight: RunSight): boolean {
  return mainStatus(endPodOf(sight))?.state?.terminated !== undefined;
}
