import type { Clock, Logger, Random } from '@runner/core';
import { backoffDelay } from '@runner/core';
import type { Observation } from '@runner/executor';
import { isEnded } from '@runner/executor';
import type { Gate } from './gate.ts';
import { gate } from './gate.ts';
import type { RunCache } from './run-cache.ts';
import type { RunAttendant, RunSight, RunView } from './run-sight.ts';
import { isFailure } from './run-sight.ts';

/** Looks at runs, and reads of the ends of their logs, at the same time. */
const PARALLEL = 8;
/** Failures that stood before the watch began and get the end of their logs, the newest first. Others can be observed. */
const FIRST_TAILS = 100;
/** For a pod whose object is not seen: the watch of objects may be a little later. */
const SETTLE_MS = 1_000;
const RETRY = { floorMs: 500, capMs: 30_000 };

export interface RunWatchOptions<Sight extends RunSight> {
  readonly view: RunView<Sight>;
  /** Makes the watches that feed this one. */
  readonly cache: (onTouched: (runId: string) => void) => RunCache<Sight>;
  /** Caches of this executor that others may look into; this one is among them while it runs. */
  readonly caches: Set<RunCache<Sight>>;
  readonly attendants: (onNews: (runId: string) => void) => readonly RunAttendant<Sight>[];
  readonly onObservation: (observation: Observation) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Tells each change of the owner's runs until the signal is aborted. */
export async function watchRuns<Sight extends RunSight>(options: RunWatchOptions<Sight>): Promise<void> {
  const { caches, signal } = options;
  const watch = new RunWatch(options);
  const cache = options.cache((runId) => watch.touched(runId));
  caches.add(cache);
  try {
    await Promise.all([cache.run(signal), watch.begin(cache)]);
  } finally {
    caches.delete(cache);
    watch.leave();
  }
}

interface Told {
  /** What two observations have in common when nothing has changed between them. */
  readonly print: string;
  /** Uid of the workload that has ended; what ended never executes again. */
  readonly endedUid: string | undefined;
}

class RunWatch<Sight extends RunSight> {
  readonly #options: RunWatchOptions<Sight>;
  readonly #view: RunView<Sight>;
  readonly #signal: AbortSignal;
  readonly #attendants: readonly RunAttendant<Sight>[];
  readonly #gate: Gate = gate(PARALLEL);
  /** What was told last of each run. */
  readonly #told = new Map<string, Told>();
  /** Runs being looked at; true when something happened to them meanwhile. */
  readonly #looking = new Map<string, boolean>();
  #cache: RunCache<Sight> | undefined;

  constructor(options: RunWatchOptions<Sight>) {
    this.#options = options;
    this.#view = options.view;
    this.#signal = options.signal;
    this.#attendants = options.attendants((runId) => this.touched(runId));
  }

  /** Until both lists are there nothing is told: half of them would show runs without pods. */
  async begin(cache: RunCache<Sight>): Promise<void> {
    try {
      await cache.synced(this.#signal);
    } catch (error) {
      if (this.#signal.aborted) return;
      throw error;
    }
    this.#cache = cache;
    const sights = cache.runIds().map((runId) => cache.sight(runId));
    const seen = new Map(sights.map((sight) => [sight.runId, this.#view.judge(sight)]));
    const old = [...seen.values()].filter(isFailure).toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
    for (const failure of old.slice(FIRST_TAILS)) this.#tell(failure);
    for (const runId of seen.keys()) this.touched(runId);
  }

  leave(): void {
    for (const attendant of this.#attendants) attendant.stop();
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
    const seen = this.#view.judge(sight);
    for (const attendant of this.#attendants) attendant.see(sight, seen);
    if (this.#isSure(sight, seen)) this.#tell(seen);
    else void this.#look(sight, seen);
  }

  /** Whether the watches alone say enough. An end is told once, so it must be the whole truth. */
  #isSure(sight: Sight, seen: Observation): boolean {
    const told = this.#told.get(sight.runId);
    if (seen.presence === 'absent') return told === undefined || told.endedUid !== undefined;
    if (!this.#view.hasObject(sight)) return false;
    if (!isEnded(seen)) return true;
    return told?.endedUid === seen.workload.uid || (this.#view.isExplained(sight) && !isFailure(seen));
  }

  /** Asks the API itself, or only for the end of the log where everything else is known. */
  async #look(sight: Sight, seen: Observation): Promise<void> {
    const { runId } = sight;
    const { logger } = this.#options;
    this.#looking.set(runId, false);
    const needsTailOnly = isEnded(seen) && this.#view.isExplained(sight);
    try {
      if (!this.#view.hasObject(sight) && sight.pods.length > 0 && (await this.#isSettled(runId))) return;
      await this.#untilTold(sight, needsTailOnly);
    } catch (error) {
      if (this.#signal.aborted) return;
      logger.error('looking at a run failed', { runId, error });
    } finally {
      const again = this.#looking.get(runId) === true;
      this.#looking.delete(runId);
      if (again) this.touched(runId);
    }
  }

  async #untilTold(sight: Sight, needsTailOnly: boolean): Promise<void> {
    const { runId } = sight;
    const { clock, random, logger } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      let waitMs = backoffDelay(attempt, RETRY, random);
      const leave = await this.#gate.enter(this.#signal);
      try {
        const asked = needsTailOnly ? sight : await this.#ask(runId);
        const unprovenMs = this.#view.unprovenMs?.(asked);
        if (unprovenMs === undefined) {
          this.#tell(await this.#view.judged(asked, this.#signal));
          return;
        }
        waitMs = unprovenMs;
      } catch (error) {
        if (this.#signal.aborted) return;
        logger.debug('a run could not be looked at; trying again', { runId, error });
      } finally {
        leave();
      }
      await clock.sleep(waitMs, this.#signal);
    }
  }

  /** Gives the watch of objects some time to show the one that a pod belongs to. */
  async #isSettled(runId: string): Promise<boolean> {
    await this.#options.clock.sleep(SETTLE_MS, this.#signal);
    const now = this.#cache?.sight(runId);
    const isSettled = now !== undefined && this.#view.hasObject(now);
    if (isSettled) this.#looking.set(runId, true);
    return isSettled;
  }

  /** What the API says now, with what the watches remember of pods that are gone. */
  async #ask(runId: string): Promise<Sight> {
    const cache = this.#cache;
    const asked = await this.#view.read(runId, this.#signal);
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
      for (const attendant of this.#attendants) attendant.forget(runId);
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
    this.#options.onObservation(seen);
  }

  #isOver(runId: string): boolean {
    return this.#told.get(runId)?.endedUid !== undefined;
  }
}
