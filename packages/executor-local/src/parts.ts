import { resolve } from 'node:path';
import type { Clock, Logger } from '@runner/core';
import { abortError, isRunnerError, silentLogger } from '@runner/core';
import type { WorkloadOwner } from '@runner/executor';
import { executorError } from '@runner/executor';
import { hostProcesses } from './host-processes.ts';
import type { Lister } from './lister.ts';
import { lister } from './lister.ts';
import type { RunObserver } from './observer.ts';
import { runObserver } from './observer.ts';
import type { LocalExecutorOptions } from './options.ts';
import type { Place } from './place.ts';
import { folderError, localPlace } from './place.ts';

/** What the operations of one executor share. */
export interface LocalParts {
  readonly options: LocalExecutorOptions & { readonly workingDirectory: string };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly place: Place;
  readonly observer: RunObserver;
  readonly runs: Lister;
  /** Aborted when the executor is closed. */
  readonly closed: AbortSignal;
  /** This process did something to a run: its watches look at once. */
  touched(runId: string, owner?: WorkloadOwner): void;
  onTouched(listener: (runId: string, owner: WorkloadOwner | undefined) => void): () => void;
}

export function localParts(given: LocalExecutorOptions, closed: AbortSignal): LocalParts {
  // Fixed here: the folder this process is in may change later.
  const workingDirectory = resolve(given.workingDirectory ?? '.');
  const options = { ...given, workingDirectory, folder: resolve(given.folder) };
  const { clock, logger = silentLogger } = options;
  const place = localPlace(options.folder);
  const observer = runObserver({ place, clock, processes: options.processes ?? hostProcesses() });
  const listeners = new Set<(runId: string, owner: WorkloadOwner | undefined) => void>();
  return {
    options,
    clock,
    logger,
    place,
    observer,
    runs: lister(place, observer, logger),
    closed,
    touched: (runId, owner) => {
      for (const listener of listeners) listener(runId, owner);
    },
    onTouched: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Carries out an operation: refused when aborted or closed, timed, with errors of the folder in an executor's words. */
export async function operation<T>(
  parts: LocalParts,
  name: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { clock, options, place, closed } = parts;
  if (signal.aborted) throw abortError(signal);
  if (closed.aborted) throw executorError('executor_unavailable', 'The executor is closed.');
  const begun = clock.monotonic();
  let succeeded = false;
  try {
    const result = await work();
    succeeded = true;
    return result;
  } catch (error) {
    throw isRunnerError(error) ? error : folderError(place.root, error);
  } finally {
    options.observer?.answered?.(name, (clock.monotonic() - begun) / 1_000, succeeded);
  }
}
