import { abortError, isAbort } from '@runner/core';
import type { LogChunk, LogGap, LogOptions } from '@runner/executor';
import { MAIN_CONTAINER, executorError } from '@runner/executor';
import { readPodLog } from '@runner/kube';
import { isAborted } from './aborted.ts';
import { asExecutorError } from './errors.ts';
import { readRun } from './looking.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';
import type { RunCache } from './run-cache.ts';
import type { RunSight } from './sight.ts';
import { beganAt, endCondition, hasBegun, isLivePod, mainStatus, podOf } from './sight.ts';

/** How long a change is waited for in a cache before it is read again; only against a cache that is stopped meanwhile. */
const CACHE_WAIT_MS = 30_000;
/** How long a run that was only just made is waited for, before the API is asked. */
const SHOWN_WITHIN_MS = 2_000;

/** The raw output of a run's main program. */
export async function* logsOfRun(
  parts: K8sParts,
  runId: string,
  options: LogOptions,
): AsyncGenerator<LogChunk | LogGap> {
  const signal = AbortSignal.any([options.signal, parts.closed]);
  if (signal.aborted) return;
  const eyes = new RunEyes(parts, runId);
  const leaving: (() => void)[] = [];
  try {
    const pod = await podToRead(eyes, options.follow, signal, leaving);
    if (pod === undefined) return;
    yield* readPodLog({
      api: parts.api,
      namespace: parts.namespace,
      pod: pod.name,
      container: MAIN_CONTAINER,
      fromByte: options.fromByte,
      follow: pod.follow,
      ended: async (asking) => isGoneOrOver(await eyes.look(asking), pod.name),
      startedAt: () => pod.startedAt,
      changed: (waiting) => eyes.changed(waiting),
      clock: parts.clock,
      random: parts.random,
      logger: parts.logger,
      signal,
    });
  } catch (error) {
    if (!isAborted(signal)) throw asExecutorError(error);
  } finally {
    for (const leave of leaving) leave();
  }
}

interface PodToRead {
  readonly name: string;
  readonly startedAt: number | undefined;
  /** False for what has ended: everything is there to be read. */
  readonly follow: boolean;
}

/**
 * The pod whose log is read, once there is something to read. Following, it waits until the program has begun, and for a
 * place among the logs that are followed; who gets none before the run has ended reads it then.
 */
async function podToRead(
  eyes: RunEyes,
  follow: boolean,
  signal: AbortSignal,
  leaving: (() => void)[],
): Promise<PodToRead | undefined> {
  if (follow) await eyes.shown(signal);
  let sight = await eyes.look(signal);
  if (isAbsent(eyes, sight)) {
    throw executorError('log_unavailable', `There is no workload of run ${sight.runId}.`);
  }
  if (follow) sight = await eyes.until(mayRead, sight, signal);
  if (follow && !isOver(sight)) {
    const leave = await placeOrEnd(eyes, sight, signal);
    if (leave === undefined) sight = await eyes.until(isOver, sight, signal);
    else leaving.push(leave);
  }
  const pod = podOf(sight);
  const name = pod?.metadata?.name;
  if (name === undefined || !hasBegun(pod)) return undefined;
  return { name, startedAt: beganAt(pod), follow: follow && !isOver(sight) };
}

function isAbsent(eyes: RunEyes, sight: RunSight): boolean {
  return judge(sight, eyes.parts.context()).presence === 'absent';
}

/** True when the program has begun, or never will. */
function mayRead(sight: RunSight): boolean {
  return hasBegun(podOf(sight)) || isOver(sight);
}

/** True when nothing more will be written. */
function isOver(sight: RunSight): boolean {
  const pod = podOf(sight);
  if (mainStatus(pod)?.state?.terminated !== undefined) return true;
  if (pod !== undefined) return !isLivePod(pod);
  return sight.job === undefined || endCondition(sight.job) !== undefined;
}

/** A place among the followed logs, or undefined when the run has ended before there was one. */
async function placeOrEnd(eyes: RunEyes, sight: RunSight, signal: AbortSignal): Promise<(() => void) | undefined> {
  const { following, logger } = eyes.parts;
  const giveUp = new AbortController();
  const watching = new AbortController();
  const ended = eyes.until(isOver, sight, AbortSignal.any([signal, watching.signal])).then(
    () => giveUp.abort(),
    () => undefined,
  );
  try {
    return await following.enter(AbortSignal.any([signal, giveUp.signal]));
  } catch (error) {
    if (!isAbort(error) || signal.aborted) throw error;
    logger.debug('a log is read at its end; too many are followed', { runId: sight.runId });
    return undefined;
  } finally {
    watching.abort();
    await ended;
  }
}

/** Whether nothing more can come from this pod. */
function isGoneOrOver(sight: RunSight, pod: string): boolean {
  return podOf(sight)?.metadata?.name !== pod || isOver(sight);
}

/** Looks at one run: through a watch that shows it, where there is one, else by asking the API. */
class RunEyes {
  readonly parts: K8sParts;
  readonly #runId: string;
  #delayMs: number;

  constructor(parts: K8sParts, runId: string) {
    this.parts = parts;
    this.#runId = runId;
    this.#delayMs = parts.timings.lookFloorMs;
  }

  /**
   * Waits a little until a watch shows the run. Logs are followed as soon as a run is accepted, which may be before the
   * watches tell of it: waiting costs no request.
   */
  async shown(signal: AbortSignal): Promise<void> {
    const { caches, clock } = this.parts;
    const until = clock.monotonic() + SHOWN_WITHIN_MS;
    while (caches.size > 0 && this.#cache() === undefined) {
      const left = until - clock.monotonic();
      if (left <= 0) return;
      const woken = new AbortController();
      const stops = [...caches].map((cache) => cache.onChange(this.#runId, () => woken.abort()));
      try {
        await this.#pause(left, woken.signal, signal);
      } finally {
        for (const stop of stops) stop();
      }
    }
  }

  async look(signal: AbortSignal): Promise<RunSight> {
    return this.#cache()?.sight(this.#runId) ?? (await readRun(this.parts, this.#runId, signal));
  }

  /** Looks until the test holds. A change is listened for before the look that it may come after. */
  async until(test: (sight: RunSight) => boolean, first: RunSight, signal: AbortSignal): Promise<RunSight> {
    let sight = first;
    while (!test(sight)) {
      const woken = new AbortController();
      const cache = this.#cache();
      const stop = cache?.onChange(this.#runId, () => woken.abort());
      try {
        if (cache !== undefined) sight = cache.sight(this.#runId);
        if (cache !== undefined && test(sight)) return sight;
        await this.#pause(cache === undefined ? this.#nextDelay() : CACHE_WAIT_MS, woken.signal, signal);
      } finally {
        stop?.();
      }
      sight = await this.look(signal);
    }
    return sight;
  }

  /** Resolves at the next change that a watch shows; where none shows the run, not before it is aborted (then it rejects). */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.#cache()?.onChange(this.#runId, () => {
        signal.removeEventListener('abort', onAbort);
        stop?.();
        resolve();
      });
      const onAbort = (): void => {
        stop?.();
        reject(abortError(signal));
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** A watch that shows the run's Job; pods alone may be the rest of something. */
  #cache(): RunCache | undefined {
    return [...this.parts.caches].find((cache) => cache.sight(this.#runId).job !== undefined);
  }

  #nextDelay(): number {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(this.parts.timings.lookCapMs, delayMs * 2);
    return delayMs;
  }

  async #pause(ms: number, woken: AbortSignal, signal: AbortSignal): Promise<void> {
    try {
      await this.parts.clock.sleep(ms, AbortSignal.any([signal, woken]));
    } catch (error) {
      if (signal.aborted || !woken.aborted) throw error;
    }
  }
}
