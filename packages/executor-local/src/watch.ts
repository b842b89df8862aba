import type { Clock, Logger, Timer } from '@runner/core';
import { isAbort } from '@runner/core';
import type { Observation, WorkloadOwner } from '@runner/executor';
import { isEnded, isLive } from '@runner/executor';
import { listen } from './bell.ts';
import { isOwn } from './lister.ts';

const SETTLE_MS = 1_000;

export interface WatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly relistMs: number;
  /** All runs of the owner; the end of the log only of those that it is wanted of. */
  readonly list: (wantsTail: (observation: Observation) => boolean) => Promise<readonly Observation[]>;
  readonly observe: (runId: string) => Promise<Observation>;
  /** Where a run's supervisor can be listened to; undefined when nobody is there. */
  readonly bellOf: (runId: string) => Promise<{ readonly folder: string; readonly socket: string } | undefined>;
  /** Calls back when this process did something to a run. Returns the function that ends it. */
  readonly onTouched: (listener: (runId: string, owner: WorkloadOwner | undefined) => void) => () => void;
}

/**
 * Tells each change of the owner's runs. Supervisors ring when something changes; what they miss, and what other
 * processes do, is found by listing again.
 */
export async function watchRuns(
  owner: WorkloadOwner,
  onObservation: (observation: Observation) => void,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const watch = new RunWatch(onObservation, options, signal);
  const stop = options.onTouched((runId, touchedOwner) => {
    if (watch.knows(runId) || (touchedOwner !== undefined && isOwn(touchedOwner, owner))) watch.look(runId);
  });
  let failing = false;
  try {
    while (!signal.aborted) {
      try {
        await watch.relist();
        failing = false;
      } catch (error) {
        // Said once for each outage: a folder that is away for a night is one line.
        if (!failing) options.logger.warn('the runs cannot be listed; trying again', { error });
        failing = true;
      }
      await options.clock.sleep(options.relistMs, signal).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
    }
  } finally {
    stop();
    watch.leave();
  }
}

class RunWatch {
  readonly #onObservation: (observation: Observation) => void;
  readonly #options: WatchOptions;
  readonly #signal: AbortSignal;
  /** What was told last of each run. */
  readonly #told = new Map<string, string>();
  readonly #bells = new Map<string, () => void>();
  /** Runs that were listened to since the last list; a line that breaks is tried again with the next one. */
  readonly #tried = new Set<string>();
  readonly #later = new Set<Timer>();
  /** Runs being looked at; true when something happened to them meanwhile. */
  readonly #looking = new Map<string, boolean>();

  constructor(onObservation: (observation: Observation) => void, options: WatchOptions, signal: AbortSignal) {
    this.#onObservation = onObservation;
    this.#options = options;
    this.#signal = signal;
  }

  knows(runId: string): boolean {
    return this.#told.has(runId);
  }

  async relist(): Promise<void> {
    const listed = new Set<string>();
    this.#tried.clear();
    for (const observation of await this.#options.list((observation) => this.#isNews(observation))) {
      listed.add(observation.runId);
      this.#tell(observation);
    }
    for (const runId of this.#told.keys()) if (!listed.has(runId)) this.look(runId);
  }

  /** Looks at one run, and once more when it changed while being looked at. */
  look(runId: string): void {
    const isLooking = this.#looking.has(runId);
    this.#looking.set(runId, isLooking);
    if (isLooking) return;
    void this.#options.observe(runId).then((observation) => {
      const again = this.#looking.get(runId) === true;
      this.#looking.delete(runId);
      this.#tell(observation);
      if (again && !this.#signal.aborted) this.look(runId);
    });
  }

  leave(): void {
    for (const stop of this.#bells.values()) stop();
    this.#bells.clear();
    for (const timer of this.#later) timer.cancel();
    this.#later.clear();
  }

  /** A supervisor that was killed may still be counted among the living when its line breaks. */
  #lookLater(runId: string): void {
    const timer = this.#options.clock.setTimer(SETTLE_MS, () => {
      this.#later.delete(timer);
      this.look(runId);
    });
    this.#later.add(timer);
  }

  #tell(observation: Observation): void {
    if (this.#signal.aborted) return;
    const { runId } = observation;
    const isNews = this.#isNews(observation);
    if (observation.presence === 'absent') this.#told.delete(runId);
    else this.#told.set(runId, printOf(observation));
    if (isLive(observation)) this.#listenTo(runId);
    if (isNews) this.#onObservation(observation);
  }

  #isNews(observation: Observation): boolean {
    const before = this.#told.get(observation.runId);
    return observation.presence === 'absent' ? before !== undefined : before !== printOf(observation);
  }

  #listenTo(runId: string): void {
    if (this.#bells.has(runId) || this.#tried.has(runId)) return;
    this.#tried.add(runId);
    // Held from now on, so that two looks do not listen twice.
    this.#bells.set(runId, () => undefined);
    void this.#options.bellOf(runId).then((bell) => {
      const onGone = (): void => {
        this.#bells.delete(runId);
        if (this.#signal.aborted) return;
        this.look(runId);
        this.#lookLater(runId);
      };
      if (bell === undefined || this.#signal.aborted) {
        onGone();
        return;
      }
      this.#bells.set(
        runId,
        listen(bell.folder, bell.socket, () => this.look(runId), onGone),
      );
      // What changed before the line stood.
      this.look(runId);
    });
  }
}

/** What two observations have in common when nothing has changed between them. */
function printOf(observation: Observation): string {
  // Ended runs do not change, and their logs are long.
  if (isEnded(observation)) return `ended ${observation.workload.uid}`;
  return JSON.stringify({ ...observation, observedAt: 0 });
}
