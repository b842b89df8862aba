import type { Clock, Logger } from '@runner/core';
import { abortError, isAbort } from '@runner/core';
import type { Gate } from './gate.ts';
import type { RunCache } from './run-cache.ts';
import type { RunSight, RunView } from './run-sight.ts';

/** How long a change is waited for in a cache before it is read again; only against a cache that is stopped meanwhile. */
const CACHE_WAIT_MS = 30_000;
/** How long a run that was only just made is waited for, before the API is asked. */
const SHOWN_WITHIN_MS = 2_000;

export interface RunEyesParts<Sight extends RunSight> {
  readonly view: Pick<RunView<Sight>, 'read' | 'hasObject'>;
  readonly caches: ReadonlySet<RunCache<Sight>>;
  /** Logs that are followed now. */
  readonly following: Gate;
  /** Between two looks at a run that no watch shows: first and longest, in milliseconds. */
  readonly timings: { readonly lookFloorMs: number; readonly lookCapMs: number };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Looks at one run: through a watch that shows it, where there is one, else by asking the API. */
export class RunEyes<Sight extends RunSight> {
  readonly #parts: RunEyesParts<Sight>;
  readonly #runId: string;
  #delayMs: number;

  constructor(parts: RunEyesParts<Sight>, runId: string) {
    this.#parts = parts;
    this.#runId = runId;
    this.#delayMs = parts.timings.lookFloorMs;
  }

  /**
   * Waits a little until a watch shows the run. Logs are followed as soon as a run is accepted, which may be before the
   * watches tell of it: waiting costs no request.
   */
  async shown(signal: AbortSignal): Promise<void> {
    const { caches, clock } = this.#parts;
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

  async look(signal: AbortSignal): Promise<Sight> {
    return this.#cache()?.sight(this.#runId) ?? (await this.#parts.view.read(this.#runId, signal));
  }

  /** Looks until the test holds. A change is listened for before the look that it may come after. */
  async until(test: (sight: Sight) => boolean, first: Sight, signal: AbortSignal): Promise<Sight> {
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

  /** A place among the followed logs, or undefined when the run has ended before there was one. */
  async place(isOver: (sight: Sight) => boolean, sight: Sight, signal: AbortSignal): Promise<(() => void) | undefined> {
    const { following, logger } = this.#parts;
    const giveUp = new AbortController();
    const watching = new AbortController();
    const ended = this.until(isOver, sight, AbortSignal.any([signal, watching.signal])).then(
      () => giveUp.abort(),
      () => undefined,
    );
    try {
      return await following.enter(AbortSignal.any([signal, giveUp.signal]));
    } catch (error) {
      if (!isAbort(error) || signal.aborted) throw error;
      logger.debug('a log is read at its end; too many are followed', { runId: this.#runId });
      return undefined;
    } finally {
      watching.abort();
      await ended;
    }
  }

  /** A watch that shows the run's object; pods alone may be the rest of something. */
  #cache(): RunCache<Sight> | undefined {
    return [...this.#parts.caches].find((cache) => this.#parts.view.hasObject(cache.sight(this.#runId)));
  }

  #nextDelay(): number {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(this.#parts.timings.lookCapMs, delayMs * 2);
    return delayMs;
  }

  async #pause(ms: number, woken: AbortSignal, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.clock.sleep(ms, AbortSignal.any([signal, woken]));
    } catch (error) {
      if (signal.aborted || !woken.aborted) throw error;
    }
  }
}
