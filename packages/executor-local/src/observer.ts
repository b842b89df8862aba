import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@runner/core';
import { messageOf } from '@runner/core';
import type { AbsentObservation, Observation, PresentObservation, WorkloadPhase } from '@runner/executor';
import { ring } from './bell.ts';
import { readLogTail } from './log-tail.ts';
import { outcomeOf } from './outcome.ts';
import type { Place } from './place.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';
import { isAlive, killMembers } from './process-table.ts';
import type { ClaimRecord, OutcomeRecord } from './records.ts';
import { LOG_FILE, OUTCOME_FILE, RECORD_VERSION } from './records.ts';
import { readClaim, readIntent, readOutcome, readProcess } from './run-folder.ts';
import { writeOnce } from './write-once.ts';

/** A look at one run's folder. Everything is read anew; nothing is remembered. */
export interface RunObserver {
  /** What is seen of a run; `unknown` with the reason when its folder cannot be read. Never rejects. */
  observe(runId: string): Promise<Observation>;
  /** The same for a folder whose claim is known; without the end of the log, which `withTail` adds. */
  look(claim: ClaimRecord): Promise<Observation>;
  withTail(observation: PresentObservation): Promise<PresentObservation>;
}

export interface RunObserverOptions {
  readonly place: Place;
  readonly clock: Clock;
  readonly processes: ProcessTable;
}

export function runObserver(options: RunObserverOptions): RunObserver {
  const { place, clock } = options;
  const folderOf = (runId: string): string => place.folderOf(runId);

  const look = async (claim: ClaimRecord): Promise<Observation> => {
    const { runId } = claim.run;
    try {
      const folder = folderOf(runId);
      const outcome = (await readOutcome(folder)) ?? (await judge(folder, claim, options));
      return outcome === undefined ? await living(folder, claim, clock) : await ended(folder, claim, outcome, clock);
    } catch (error) {
      return { presence: 'unknown', runId, observedAt: clock.now(), reason: messageOf(error) };
    }
  };

  const withTail = async (observation: PresentObservation): Promise<PresentObservation> => {
    if (observation.outcome?.result !== 'failed') return observation;
    const folder = folderOf(observation.runId);
    const [claim, record] = await Promise.all([readClaim(folder), readOutcome(folder)]).catch(() => []);
    if (claim === undefined || record === undefined) return observation;
    const logTail = await readLogTail(folder, record.log);
    return logTail === undefined ? observation : await ended(folder, claim, record, clock, logTail);
  };

  return {
    look,
    withTail,
    observe: async (runId) => {
      try {
        const claim = await readClaim(folderOf(runId));
        if (claim === undefined) {
          await place.assertSame();
          return absent(runId, clock);
        }
        const seen = await look(claim);
        return seen.presence === 'present' ? await withTail(seen) : seen;
      } catch (error) {
        return { presence: 'unknown', runId, observedAt: clock.now(), reason: messageOf(error) };
      }
    },
  };
}

export function absent(runId: string, clock: Clock): AbsentObservation {
  return { presence: 'absent', runId, observedAt: clock.now() };
}

function present(claim: ClaimRecord, phase: WorkloadPhase, clock: Clock): PresentObservation {
  return {
    presence: 'present',
    runId: claim.run.runId,
    observedAt: clock.now(),
    workload: { kind: 'process', name: claim.run.workloadName, uid: claim.nonce },
    phase,
    pipelineType: claim.run.pipelineType,
  };
}

async function living(folder: string, claim: ClaimRecord, clock: Clock): Promise<PresentObservation> {
  const [started, intent] = await Promise.all([readProcess(folder), readIntent(folder)]);
  const phase = intent !== undefined ? 'ending' : started === undefined ? 'pending' : 'running';
  return { ...present(claim, phase, clock), ...(started === undefined ? {} : { startedAt: started.startedAt }) };
}

async function ended(
  folder: string,
  claim: ClaimRecord,
  outcome: OutcomeRecord,
  clock: Clock,
  logTail?: string,
): Promise<PresentObservation> {
  const intent = await readIntent(folder);
  const evidence = {
    outcome,
    deadlineSeconds: claim.run.deadlineSeconds,
    ...(intent === undefined ? {} : { intent }),
    ...(logTail === undefined ? {} : { logTail }),
  };
  return {
    ...present(claim, 'ended', clock),
    endedAt: outcome.endedAt,
    outcome: outcomeOf(evidence),
    ...(outcome.startedAt === undefined ? {} : { startedAt: outcome.startedAt }),
  };
}

/**
 * Whether the supervisor is gone without having written an outcome; then what is left of the program is killed, and
 * once nothing is left, the outcome is written in its place. Undefined: it lives, or its program does still.
 */
async function judge(
  folder: string,
  claim: ClaimRecord,
  { processes, clock }: RunObserverOptions,
): Promise<OutcomeRecord | undefined> {
  if (claim.socket !== undefined && (await ring(folder, claim.socket)) === 'up') return undefined;
  // The socket's file may have been swept away, so a dead socket alone proves nothing.
  if (isAlive(processes, claim.supervisor)) return undefined;
  // It may have written the outcome and left between the two looks.
  const late = await readOutcome(folder);
  if (late !== undefined) return late;
  const started = await readProcess(folder);
  if (started !== undefined && !(await killed(started.program, processes, clock))) return undefined;
  const size = await stat(join(folder, LOG_FILE)).then(
    (file) => file.size,
    () => 0,
  );
  const kept = Math.min(size, claim.run.maxLogBytes);
  const record: OutcomeRecord = {
    version: RECORD_VERSION,
    // A clock that was set back must not end the run before it began.
    endedAt: Math.max(clock.now(), started?.startedAt ?? claim.claimedAt),
    lost: claim.supervisor.bootId === processes.bootId() ? 'supervisor' : 'host',
    log: { kept, total: kept },
    ...(started === undefined ? {} : { startedAt: started.startedAt }),
  };
  await writeOnce(folder, OUTCOME_FILE, record);
  return (await readOutcome(folder)) ?? record;
}

const KILL_TRIES = 50;
const KILL_PAUSE_MS = 20;

/** Kills a program that nobody supervises any more; false when it resists for a second (it hangs in the kernel). */
async function killed(program: ProcessIdentity, processes: ProcessTable, clock: Clock): Promise<boolean> {
  for (let attempt = 0; attempt < KILL_TRIES; attempt += 1) {
    if (killMembers(processes, program) === 0) return true;
    await clock.sleep(KILL_PAUSE_MS);
  }
  return false;
}
