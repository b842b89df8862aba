import { abortError, isRunnerError, silentLogger } from '@runner/core';
import type { EndIntent, Executor, LogChunk, LogGap, LogOptions, Observation, RunSpec } from '@runner/executor';
import type { SubmitResult, WorkloadOwner } from '@runner/executor';
import { executorError, isEnded, isRunId } from '@runner/executor';
import { ring } from './bell.ts';
import { hostProcesses } from './host-processes.ts';
import { keyedLock } from './keyed-lock.ts';
import { lister } from './lister.ts';
import { readLog } from './log-reader.ts';
import { absent, runObserver } from './observer.ts';
import type { LocalExecutorOptions } from './options.ts';
import { DAY_MS, DEFAULTS } from './options.ts';
import { folderError, localPlace } from './place.ts';
import { localPreflight } from './preflight.ts';
import type { IntentRecord } from './records.ts';
import { INTENT_FILE, RECORD_VERSION } from './records.ts';
import { readClaim } from './run-folder.ts';
import { launchRecord, startRun } from './submit.ts';
import { sweep } from './sweep.ts';
import { watchRuns } from './watch.ts';
import { writeOnce } from './write-once.ts';

/** Runs ingestion as child processes of this machine, each with a supervisor that outlives the agent. */
export interface LocalExecutor extends Executor {
  /**
   * Removes records of this owner's runs that ended longer ago than the time to live. A watch does it once a day by
   * itself. Returns how many went.
   */
  sweep(owner: WorkloadOwner, signal: AbortSignal): Promise<number>;
}

export function createLocalExecutor(given: LocalExecutorOptions): LocalExecutor {
  // Fixed here: the folder this process is in may change later.
  const options = { ...given, workingDirectory: given.workingDirectory ?? process.cwd() };
  const { clock, logger = silentLogger, ttlMs = DEFAULTS.ttlMs } = options;
  const processes = options.processes ?? hostProcesses();
  const place = localPlace(options.folder);
  const observer = runObserver({ place, clock, processes });
  const runs = lister(place, observer, logger);
  const oneAtATime = keyedLock();
  const closing = new AbortController();
  const touchListeners = new Set<(runId: string, owner: WorkloadOwner | undefined) => void>();
  const touched = (runId: string, owner?: WorkloadOwner): void => {
    for (const listener of touchListeners) listener(runId, owner);
  };

  /** What every operation has in common: abort, close, timing, and errors of the folder in our words. */
  const operation = async <T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    if (signal.aborted) throw abortError(signal);
    if (closing.signal.aborted) throw executorError('executor_unavailable', 'The executor is closed.');
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
  };

  const submit = async (spec: RunSpec, signal: AbortSignal): Promise<SubmitResult> => {
    const launch = launchRecord(spec, options);
    const isClaimed = (await readClaim(place.folderOf(spec.runId))) !== undefined;
    const created = isClaimed ? false : await startRun(spec, launch, place, options, clock, signal);
    const observation = await observer.observe(spec.runId);
    touched(spec.runId, spec.owner);
    return { created, observation };
  };

  const end = async (runId: string, intent: EndIntent): Promise<Observation> => {
    if (!isRunId(runId)) return absent(runId, clock);
    const seen = await observer.observe(runId);
    if (seen.presence !== 'present' || seen.phase === 'ended') return seen;
    const folder = place.folderOf(runId);
    const record: IntentRecord = { ...intent, version: RECORD_VERSION, requestedAt: clock.now() };
    await writeOnce(folder, INTENT_FILE, record);
    const socket = (await readClaim(folder))?.socket;
    if (socket !== undefined) await ring(folder, socket);
    touched(runId);
    return await observer.observe(runId);
  };

  const discard = async (runId: string): Promise<void> => {
    if (!isRunId(runId)) return;
    const seen = await observer.observe(runId);
    if (seen.presence === 'absent') return;
    if (seen.presence === 'unknown')
      throw executorError('executor_unavailable', `The run cannot be seen: ${seen.reason}`);
    if (!isEnded(seen)) throw executorError('still_live', `The workload of run ${runId} has not ended.`);
    await place.remove(runId);
    runs.forget(runId);
    touched(runId);
  };

  async function* logs(runId: string, log: LogOptions): AsyncGenerator<LogChunk | LogGap> {
    const signal = AbortSignal.any([log.signal, closing.signal]);
    if (signal.aborted) return;
    try {
      const claim = isRunId(runId) ? await readClaim(place.folderOf(runId)) : undefined;
      if (claim === undefined) {
        await place.assertSame();
        throw executorError('log_unavailable', `There is no workload of run ${runId}.`);
      }
      const check = async (): Promise<boolean> => (await observer.observe(runId)).presence !== 'absent';
      yield* readLog({ folder: place.folderOf(runId), claim, clock, check }, { ...log, signal });
    } catch (error) {
      throw isRunnerError(error) ? error : folderError(place.root, error);
    }
  }

  const sweepRuns = async (owner: WorkloadOwner, signal: AbortSignal): Promise<number> =>
    await sweep(owner, { place, observer, clock, logger, ttlMs }, signal);

  /** Once a day while somebody watches, and once at the beginning. */
  const sweepDaily = async (owner: WorkloadOwner, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await sweepRuns(owner, signal).catch((error: unknown) => logger.warn('old runs could not be removed', { error }));
      await clock.sleep(Math.min(DAY_MS, ttlMs), signal).catch(() => undefined);
    }
  };

  return {
    kind: 'local',
    scope: (signal) => operation('scope', signal, () => place.scope()),
    preflight: (signal) => operation('preflight', signal, () => localPreflight(place, options)),
    submit: (spec, signal) =>
      operation('submit', signal, () => oneAtATime(spec.runId.toLowerCase(), () => submit(spec, signal))),
    end: (runId, intent, signal) => operation('end', signal, () => end(runId, intent)),
    observe: (runId, signal) =>
      signal.aborted
        ? Promise.reject(abortError(signal))
        : isRunId(runId)
          ? operation('observe', signal, () => observer.observe(runId)).catch(unknown(runId, clock.now()))
          : Promise.resolve(absent(runId, clock)),
    list: (owner, signal) =>
      operation('list', signal, async () => ({ observations: await runs.list(owner), fresh: true })),
    watch: async (owner, onObservation, signal) => {
      const until = AbortSignal.any([signal, closing.signal]);
      const watching = watchRuns(
        owner,
        onObservation,
        {
          clock,
          logger,
          relistMs: options.relistMs ?? DEFAULTS.relistMs,
          list: () => runs.list(owner),
          observe: (runId) => observer.observe(runId),
          bellOf: async (runId) => {
            const folder = place.folderOf(runId);
            const socket = (await readClaim(folder).catch(() => undefined))?.socket;
            return socket === undefined ? undefined : { folder, socket };
          },
          onTouched: (listener) => {
            touchListeners.add(listener);
            return () => touchListeners.delete(listener);
          },
        },
        until,
      );
      await Promise.all([watching, sweepDaily(owner, until)]);
    },
    logs,
    discard: (runId, signal) => operation('discard', signal, () => discard(runId)),
    close: async () => {
      closing.abort();
      await Promise.resolve();
    },
    sweep: (owner, signal) => operation('sweep', signal, () => sweepRuns(owner, signal)),
  };
}

/** A source that cannot be asked is no error of an observation, only of what is known. */
function unknown(runId: string, observedAt: number): (error: unknown) => Observation {
  return (error) => {
    if (isRunnerError(error, 'aborted')) throw error;
    const reason = isRunnerError(error) ? error.message : 'the folder cannot be read';
    return { presence: 'unknown', runId, observedAt, reason };
  };
}
