import { isDeepStrictEqual } from 'node:util';
import type { WireDiagnosis } from '../messages.ts';
import { ABANDONED, RUNNER_UNAVAILABLE, isEndingReason } from './diagnoses.ts';
import type { RunRecord, RunState } from './ports.ts';
import { optional, without } from './record-fields.ts';
import { isClosed, isCorrectable, isTerminal, needsStart, rankOf, stateOrder } from './run-states.ts';

/**
 * How a row changes by what the control plane, its users and the workload itself say; what agents say is `reduceRun`.
 * All are pure and meant for `RunBook.update`: undefined = it stays as it is.
 */

/**
 * A user (or a delete) wants the run ended. Never offered: it is `cancelled` at once. Offered: `cancelling` until the end
 * is verified. Closed while its workload may live: remembered, so that the workload is ended where it is seen.
 */
export function requestCancel(row: RunRecord, now: number): RunRecord | undefined {
  if (row.want === 'cancel' || row.outcome !== undefined || row.state === 'refused') return undefined;
  if (isClosed(row)) return { ...row, want: 'cancel' };
  if (row.offered) return { ...row, want: 'cancel', state: 'cancelling' };
  return {
    ...without(row, 'diagnosis', 'reason'),
    want: 'cancel',
    state: 'cancelled',
    writtenBy: 'controlPlane',
    endedAt: now,
    goneAt: now,
  };
}

/** The start is about to be sent. It may be sent only if `needsStart` holds for the row as it stands afterwards. */
export function markOffered(row: RunRecord): RunRecord | undefined {
  return needsStart(row) && !row.offered ? { ...row, offered: true } : undefined;
}

/**
 * Closes an open row as `failed` in the control plane's own name, the lowest rank: evidence of the workload corrects it
 * for one week.
 */
export function failByControlPlane(row: RunRecord, diagnosis: WireDiagnosis, now: number): RunRecord | undefined {
  if (isClosed(row)) return undefined;
  return {
    ...row,
    state: 'failed',
    writtenBy: 'controlPlane',
    endedAt: now,
    ...(row.offered ? {} : { goneAt: now }),
    reason: diagnosis.code,
    diagnosis,
  };
}

/** Nobody will say how it ended: its agent is silent past the run's deadline, or a user forced it (decisions.md 6). */
export function abandon(row: RunRecord, now: number): RunRecord | undefined {
  return failByControlPlane(row, ABANDONED, now);
}

/** A run that was never offered has waited too long for its runner. Offered runs are left alone. */
export function runnerUnavailable(row: RunRecord, now: number): RunRecord | undefined {
  return row.offered ? undefined : failByControlPlane(row, RUNNER_UNAVAILABLE, now);
}

/** What a workload says of itself over REST. */
export interface WorkloadStatus {
  readonly state: Extract<RunState, 'running' | 'succeeded' | 'partiallySucceeded' | 'failed'>;
  /** Epoch milliseconds. */
  readonly startedAt?: number;
  /** Epoch milliseconds. Default: now. */
  readonly endedAt?: number;
  readonly diagnosis?: WireDiagnosis;
}

/**
 * The main program's own status, the highest rank. Its first terminal state is final. `running` moves an open row forward,
 * and reopens one that was closed without anybody having seen the workload end.
 */
export function recordByMain(row: RunRecord, status: WorkloadStatus, now: number): RunRecord | undefined {
  return changed(row, status.state === 'running' ? mainRuns(row, status, now) : mainEnded(row, status, now));
}

function mainRuns(row: RunRecord, status: WorkloadStatus, now: number): RunRecord {
  if (isClosed(row) && !isCorrectable(row, now)) return row;
  const open: RunRecord = isClosed(row)
    ? { ...without(row, 'endedAt', 'goneAt', 'reason', 'diagnosis'), state: 'queued' }
    : row;
  const state = open.want === 'cancel' ? 'cancelling' : 'running';
  const seen: RunRecord = { ...open, offered: true, ...optional('startedAt', open.startedAt ?? status.startedAt) };
  return stateOrder(state) > stateOrder(open.state) ? { ...seen, state, writtenBy: 'main' } : seen;
}

function mainEnded(row: RunRecord, status: WorkloadStatus, now: number): RunRecord {
  if (isClosed(row) && row.writtenBy === 'main') return row;
  return closedBy(row, 'main', status, now);
}

/**
 * The exit step's status. It counts only when main left no terminal state and no cancel is recorded; otherwise its
 * diagnosis is kept where there is none, and the state stays.
 */
export function recordByExitStep(row: RunRecord, status: WorkloadStatus, now: number): RunRecord | undefined {
  if (!isTerminal(status.state)) return undefined;
  const outranked = isClosed(row) && rankOf(row.writtenBy) >= rankOf('exitStep');
  if (!outranked && row.want === 'run') return closedBy(row, 'exitStep', status, now);
  return changed(row, { ...row, ...optional('diagnosis', row.diagnosis ?? status.diagnosis) });
}

function closedBy(row: RunRecord, writtenBy: 'main' | 'exitStep', status: WorkloadStatus, now: number): RunRecord {
  // The exit step sees that the program was ended; what the agent announced before is why.
  const announced = writtenBy === 'exitStep' && status.state === 'failed' && isEndingReason(row.reason);
  const diagnosis = status.diagnosis ?? (announced ? row.diagnosis : undefined) ?? row.outcome?.diagnosis;
  return {
    ...without(row, 'reason', 'diagnosis'),
    ...optional('reason', announced ? row.reason : undefined),
    offered: true,
    state: status.state,
    writtenBy,
    endedAt: status.endedAt ?? row.endedAt ?? now,
    ...optional('startedAt', row.startedAt ?? status.startedAt),
    ...optional('diagnosis', diagnosis),
  };
}

function changed(row: RunRecord, next: RunRecord): RunRecord | undefined {
  return isDeepStrictEqual(next, row) ? undefined : next;
}
