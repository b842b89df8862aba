import type { Clock } from '@runner/core';
import { abortError, systemClock } from '@runner/core';
import { executorError } from '../errors.ts';
import type { Executor, LogChunk, LogGap, LogOptions, SubmitResult } from '../executor.ts';
import type { Observation } from '../observation.ts';
import { isEnded } from '../observation.ts';
import type { RunSpec, WorkloadOwner } from '../run-spec.ts';
import type { ConfigSettings } from '../workload/config.ts';
import { serialiseConfig } from '../workload/config.ts';
import { checkSpec } from '../workload/spec-check.ts';
import type { FakePlace, FakePlaceOptions } from './fake-place.ts';
import { fakePlace, isSameOwner } from './fake-place.ts';

export interface FakeExecutorOptions extends Partial<FakePlaceOptions> {
  /** Where its workloads stand. Several executors on one place are what several instances of an agent are. */
  readonly place?: FakePlace;
  /** Merged into every config before its size is checked. */
  readonly config?: ConfigSettings;
  /** Milliseconds between two re-lists of a watch. Default 30,000. */
  readonly relistMs?: number;
}

/** An Executor in memory that behaves like a real one. Tests act on its `place`. */
export interface FakeExecutor extends Executor {
  readonly place: FakePlace;
}

export function fakeExecutor(options: FakeExecutorOptions = {}): FakeExecutor {
  const clock: Clock = options.place?.clock ?? options.clock ?? systemClock();
  const place = options.place ?? fakePlace({ ...options, clock });
  const { relistMs = 30_000, config = {} } = options;
  const { port } = place;
  const closing = new AbortController();

  /** What every call to the source comes first upon: an abort, a closed executor, a place that cannot be asked. */
  const enter = (signal: AbortSignal): void => {
    if (signal.aborted) throw abortError(signal);
    if (closing.signal.aborted) throw executorError('executor_unavailable', 'The executor is closed.');
    if (place.away) throw executorError('executor_unavailable', 'The place cannot be asked just now.');
  };

  return {
    kind: 'fake',
    place,
    scope: async (signal) => {
      enter(signal);
      return await Promise.resolve(place.scope);
    },
    preflight: async (signal) => {
      if (signal.aborted) throw abortError(signal);
      return await Promise.resolve(
        place.away ? [{ level: 'error', code: 'place_away', message: 'The place cannot be asked just now.' }] : [],
      );
    },
    submit: async (spec, signal) => {
      checkSpec(spec);
      serialiseConfig(spec, config);
      await Promise.resolve();
      enter(signal);
      return submitTo(place, spec);
    },
    end: async (runId, intent, signal) => {
      await Promise.resolve();
      enter(signal);
      port.end(runId, intent);
      return place.look(runId);
    },
    observe: async (runId, signal) => {
      await Promise.resolve();
      if (signal.aborted) throw abortError(signal);
      const reason = closing.signal.aborted ? 'the executor is closed' : 'the place cannot be asked just now';
      if (closing.signal.aborted || place.away) return { presence: 'unknown', runId, observedAt: clock.now(), reason };
      return place.look(runId);
    },
    list: async (owner, signal) => {
      await Promise.resolve();
      enter(signal);
      return port.list(owner);
    },
    watch: (owner, onObservation, signal) =>
      watchPlace(place, owner, onObservation, AbortSignal.any([signal, closing.signal]), relistMs),
    logs: (runId, logOptions) =>
      readPlace(place, runId, logOptions, AbortSignal.any([logOptions.signal, closing.signal]), enter),
    discard: async (runId, signal) => {
      await Promise.resolve();
      enter(signal);
      const seen = place.look(runId);
      if (seen.presence === 'present' && !isEnded(seen)) {
        throw executorError('still_live', `The workload of run ${runId} has not ended.`);
      }
      port.discard(runId);
    },
    close: async () => {
      closing.abort();
      await Promise.resolve();
    },
  };
}

function submitTo(place: FakePlace, spec: RunSpec): SubmitResult {
  const fault = place.port.nextSubmitFault();
  if (fault?.kind === 'error') {
    throw fault.error ?? executorError('executor_waiting', 'There is no room for the workload just now.');
  }
  if (fault?.kind === 'late') {
    place.clock.setTimer(fault.afterMs, () => void place.port.create(spec));
    throw executorError('executor_unavailable', 'The place did not answer in time.');
  }
  const created = place.port.create(spec);
  if (fault?.kind === 'reply_lost') throw executorError('executor_unavailable', 'The answer of the place was lost.');
  const observation = place.look(spec.runId);
  return { created, observation };
}

async function watchPlace(
  place: FakePlace,
  owner: WorkloadOwner,
  onObservation: (observation: Observation) => void,
  signal: AbortSignal,
  relistMs: number,
): Promise<void> {
  const known = new Map<string, string>();
  const tell = (observation: Observation): void => {
    // When it was seen is no change of what is seen.
    const print = JSON.stringify({ ...observation, observedAt: 0 });
    if (signal.aborted || known.get(observation.runId) === print) return;
    if (observation.presence === 'absent') known.delete(observation.runId);
    else known.set(observation.runId, print);
    onObservation(observation);
  };
  const relist = (): void => {
    if (place.away) return;
    for (const runId of new Set([...known.keys(), ...place.runIds()])) {
      const whose = place.owner(runId);
      if (known.has(runId) || (whose !== undefined && isSameOwner(whose, owner))) tell(place.look(runId));
    }
  };
  const stop = place.port.onChange((runId, changedOwner) => {
    // In a turn of its own, as from a socket: never inside of the call that caused it.
    if (place.deaf || place.away || !isSameOwner(changedOwner, owner)) return;
    void Promise.resolve().then(() => tell(place.look(runId)));
  });
  try {
    while (!signal.aborted) {
      relist();
      await place.clock.sleep(relistMs, signal).catch(() => undefined);
    }
  } finally {
    stop();
  }
}

async function* readPlace(
  place: FakePlace,
  runId: string,
  options: LogOptions,
  signal: AbortSignal,
  enter: (signal: AbortSignal) => void,
): AsyncGenerator<LogChunk | LogGap> {
  let at = options.fromByte;
  while (!signal.aborted) {
    enter(signal);
    // Asked before reading: what was printed before the end is then read after it.
    const seen = place.look(runId);
    if (seen.presence === 'absent') {
      throw executorError('log_unavailable', `There is no workload of run ${runId}.`);
    }
    const piece = place.port.output(runId, at);
    if (piece !== undefined) {
      yield piece;
      at = 'gap' in piece ? piece.toByte : piece.fromByte + piece.bytes.length;
    } else if (!options.follow || isEnded(seen)) {
      return;
    } else {
      await nextChange(place, runId, signal);
    }
  }
}

async function nextChange(place: FakePlace, runId: string, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  await new Promise<void>((resolve) => {
    const unsubscribe = place.port.onChange((changed) => {
      if (changed === runId) resolve();
    });
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
    };
  });
  stop();
}
