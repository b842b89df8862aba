import { isAbort } from '@runner/core';
import type { LogChunk, LogGap, LogOptions } from '@runner/executor';
import { MAIN_CONTAINER, executorError } from '@runner/executor';
import { readPodLog } from '@runner/kube';
import { asExecutorError } from './errors.ts';
import { readRun } from './looking.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';
import type { RunCache } from './run-cache.ts';
import type { RunSight } from './sight.ts';
import { endCondition, hasBegun, isLivePod, mainStatus, podOf } from './sight.ts';

/** How long a change is waited for in a cache before it is read again; only against a cache that is stopped meanwhile. */
const CACHE_WAIT_MS = 30_000;

/** The raw output of a run's main program. */
export async function* logsOfRun(
  parts: K8sParts,
  runId: string,
  options: LogOptions,
): AsyncGenerator<LogChunk | LogGap> {
  const signal = AbortSignal.any([options.signal, parts.closed]);
  if (signal.aborted) return;
  const leaving: (() => void)[] = [];
  try {
    const pod = await podToRead(new RunEyes(parts, runId), options.follow, signal, leaving);
    if (pod === undefined) return;
    const eyes = new RunEyes(parts, runId);
    yield* readPodLog({
      api: parts.api,
      namespace: parts.namespace,
      pod: pod.name,
      container: MAIN_CONTAINER,
      fromByte: options.fromByte,
      follow: pod.follow,
      ended: (asking) => hasEnded(parts, eyes, pod.name, asking),
      clock: parts.clock,
      random: parts.random,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw asExecutorError(error);
  } finally {
    for (const leave of leaving) leave();
  }
}

interface PodToRead {
  readonly name: string;
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
  return { name, follow: follow && !isOver(sight) };
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

/**
 * Whether the program of this pod has ended, asked when its stream did. The stream ends a moment before the API shows it,
 * so that is waited for: to ask for the log once more would cost a call for each run.
 */
async function hasEnded(parts: K8sParts, eyes: RunEyes, pod: string, signal: AbortSignal): Promise<boolean> {
  const isGoneOrOver = (sight: RunSight): boolean => podOf(sight)?.metadata?.name !== pod || isOver(sight);
  const timeUp = new AbortController();
  const timer = parts.clock.setTimer(parts.timings.endOfLogMs, () => timeUp.abort());
  try {
    await eyes.until(isGoneOrOver, await eyes.look(signal), AbortSignal.any([signal, timeUp.signal]));
    return true;
  } catch (error) {
    if (!timeUp.signal.aborted || signal.aborted) throw error;
    return false;
  } finally {
    timer.cancel();
  }
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
