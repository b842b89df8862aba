import { isRunnerError } from '@runner/core';
import type { EndIntent, LogChunk, LogGap, LogOptions, Observation, RunSpec, SubmitResult } from '@runner/executor';
import type { WorkloadOwner } from '@runner/executor';
import { executorError, isEnded, isRunId } from '@runner/executor';
import { ring } from './bell.ts';
import { readLog } from './log-reader.ts';
import { absent } from './observer.ts';
import { DAY_MS, DEFAULTS } from './options.ts';
import type { LocalParts } from './parts.ts';
import { folderError } from './place.ts';
import type { IntentRecord } from './records.ts';
import { INTENT_FILE, RECORD_VERSION } from './records.ts';
import { readClaim } from './run-folder.ts';
import { launchRecord, startRun } from './submit.ts';
import { sweep } from './sweep.ts';
import { watchRuns } from './watch.ts';
import { writeOnce } from './write-once.ts';

export async function submitRun(parts: LocalParts, spec: RunSpec, signal: AbortSignal): Promise<SubmitResult> {
  const { place, observer, options, clock } = parts;
  const launch = launchRecord(spec, options);
  const isClaimed = (await readClaim(place.folderOf(spec.runId))) !== undefined;
  const created = isClaimed ? false : await startRun(spec, launch, place, options, clock, signal);
  const observation = await observer.observe(spec.runId);
  parts.touched(spec.runId, spec.owner);
  return { created, observation };
}

export async function endRun(parts: LocalParts, runId: string, intent: EndIntent): Promise<Observation> {
  const { place, observer, clock } = parts;
  if (!isRunId(runId)) return absent(runId, clock);
  const seen = await observer.observe(runId);
  if (seen.presence !== 'present' || seen.phase === 'ended') return seen;
  const folder = place.folderOf(runId);
  const record: IntentRecord = { ...intent, version: RECORD_VERSION, requestedAt: clock.now() };
  await writeOnce(folder, INTENT_FILE, record);
  // Whoever supervises it looks into the folder when it rings, and every few seconds in any case.
  const socket = (await readClaim(folder))?.socket;
  if (socket !== undefined) await ring(folder, socket);
  parts.touched(runId);
  return await observer.observe(runId);
}

export async function observeRun(parts: LocalParts, runId: string): Promise<Observation> {
  return isRunId(runId) ? await parts.observer.observe(runId) : absent(runId, parts.clock);
}

export async function discardRun(parts: LocalParts, runId: string): Promise<void> {
  const seen = await observeRun(parts, runId);
  if (seen.presence === 'absent') return;
  if (seen.presence === 'unknown') {
    throw executorError('executor_unavailable', `The run cannot be seen: ${seen.reason}`);
  }
  if (!isEnded(seen)) throw executorError('still_live', `The workload of run ${runId} has not ended.`);
  await parts.place.remove(runId);
  parts.runs.forget(runId);
  parts.touched(runId);
}

export async function* logsOfRun(parts: LocalParts, runId: string, log: LogOptions): AsyncGenerator<LogChunk | LogGap> {
  const { place, observer, clock, closed } = parts;
  const signal = AbortSignal.any([log.signal, closed]);
  if (signal.aborted) return;
  const folder = place.folderOf(runId);
  try {
    const claim = isRunId(runId) ? await readClaim(folder) : undefined;
    if (claim === undefined) {
      await place.assertSame();
      throw executorError('log_unavailable', `There is no workload of run ${runId}.`);
    }
    const check = async (): Promise<boolean> => (await observer.observe(runId)).presence !== 'absent';
    yield* readLog({ folder, claim, clock, check }, { ...log, signal });
  } catch (error) {
    throw isRunnerError(error) ? error : folderError(place.root, error);
  }
}

export async function watchOwner(
  parts: LocalParts,
  owner: WorkloadOwner,
  onObservation: (observation: Observation) => void,
  signal: AbortSignal,
): Promise<void> {
  const { options, clock, logger, runs, observer, place } = parts;
  const until = AbortSignal.any([signal, parts.closed]);
  const watching = watchRuns(
    owner,
    onObservation,
    {
      clock,
      logger,
      relistMs: options.relistMs ?? DEFAULTS.relistMs,
      list: (wantsTail) => runs.list(owner, wantsTail),
      observe: (runId) => observer.observe(runId),
      bellOf: async (runId) => {
        const folder = place.folderOf(runId);
        const claim = await readClaim(folder).catch(() => undefined);
        return claim?.socket === undefined ? undefined : { folder, socket: claim.socket };
      },
      onTouched: (listener) => parts.onTouched(listener),
    },
    until,
  );
  await Promise.all([watching, sweepDaily(parts, owner, until)]);
}

export async function sweepOwner(parts: LocalParts, owner: WorkloadOwner, signal: AbortSignal): Promise<number> {
  const { place, observer, clock, logger, options } = parts;
  return await sweep(owner, { place, observer, clock, logger, ttlMs: options.ttlMs ?? DEFAULTS.ttlMs }, signal);
}

/** Old records go at the beginning of a watch, then once a day, or more often where they live shorter. */
async function sweepDaily(parts: LocalParts, owner: WorkloadOwner, signal: AbortSignal): Promise<void> {
  const { clock, logger, options } = parts;
  const everyMs = Math.min(DAY_MS, options.ttlMs ?? DEFAULTS.ttlMs);
  while (!signal.aborted) {
    await sweepOwner(parts, owner, signal).catch((error: unknown) => {
      logger.warn('records of old runs could not be removed', { error });
    });
    // Rejects for one reason only, which the loop asks about.
    await clock.sleep(Math.max(everyMs, 1_000), signal).catch(() => undefined);
  }
}
