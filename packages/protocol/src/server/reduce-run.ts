import { isDeepStrictEqual } from 'node:util';
import type { WireDiagnosis, WireObservation, WireOutcome } from '../messages.ts';
import { LOST, agentProblem, endingDiagnosis, isEndingReason } from './diagnoses.ts';
import type { Evidence, RunRecord, RunState } from './ports.ts';
import { optional, without } from './record-fields.ts';
import { isClosed, isCorrectable, rankOf, stateOrder } from './run-states.ts';

export interface ReduceContext {
  /** Epoch milliseconds by the control plane's clock. */
  readonly now: number;
  /** Who said it. Rows of another agent are never touched. */
  readonly agentId: string;
  /** Deadline of a row that is made for a stray, in seconds. Default 7,200. */
  readonly adoptedDeadlineSeconds?: number;
}

type Present = Extract<WireObservation, { presence: 'present' }>;
type Told = Extract<Evidence, { observation: WireObservation }>;

/**
 * How a row changes by what an agent said of its run; the only place that decides it. Undefined: it stays as it is.
 *
 * - A state never goes back, with two exceptions: a workload that was seen but never accepted and is then proven absent
 *   makes the run `queued` again (it gets its start again), and a living workload reopens a row that was closed without
 *   anybody having seen the workload end.
 * - `accepted` becomes true by an agent's reply to a start only.
 * - Absence closes a row as `lost` only when it was accepted in the scope that proves it; the same holds for `cancelled`.
 * - `main` and the exit step outrank the runner; the workload's outcome is then kept beside their state.
 * - No row at all and a workload that exists: it is adopted into a new row.
 */
export function reduceRun(
  row: RunRecord | undefined,
  evidence: Evidence,
  context: ReduceContext,
): RunRecord | undefined {
  if (row === undefined) return adopt(evidence, context);
  if (row.agentId !== context.agentId) return undefined;
  if ('observation' in evidence && evidence.observation.runId !== row.runId) return undefined;
  const next = apply(row, evidence, context.now);
  return isDeepStrictEqual(next, row) ? undefined : next;
}

function apply(row: RunRecord, evidence: Evidence, now: number): RunRecord {
  switch (evidence.kind) {
    case 'accepted':
      return onAccepted(row, evidence, now);
    case 'observed':
      return onObservation(row, evidence, now);
    case 'refused':
      return onRefused(row, evidence, now);
    case 'waiting':
      return onWaiting(row, evidence);
    case 'cancelled':
      return onCancelled(row, evidence, now);
    case 'ending':
      return onEnding(row, evidence);
  }
}

/** A workload of ours that no row knows: the store was restored from an older copy. */
function adopt(evidence: Evidence, context: ReduceContext): RunRecord | undefined {
  if (!('observation' in evidence) || evidence.observation.presence !== 'present') return undefined;
  const { observation } = evidence;
  const row: RunRecord = {
    runId: observation.runId,
    agentId: context.agentId,
    state: 'accepted',
    want: 'run',
    offered: true,
    // There is no start to answer any more, and a row that waits for one would wait for ever.
    accepted: true,
    acceptedAt: context.now,
    scopeId: evidence.scopeId,
    writtenBy: 'runner',
    priority: 0,
    pipelineType: observation.pipelineType,
    queuedAt: context.now,
    deadlineSeconds: context.adoptedDeadlineSeconds ?? 7_200,
  };
  return onPresent(row, observation, evidence.scopeId, context.now);
}

// --- what an agent says ----------------------------------------------------------------------------------------------

function onAccepted(row: RunRecord, evidence: Extract<Evidence, { kind: 'accepted' }>, now: number): RunRecord {
  const { observation, scopeId } = evidence;
  const known: RunRecord = {
    ...row,
    offered: true,
    accepted: true,
    acceptedAt: row.acceptedAt ?? now,
    scopeId: row.accepted && isClosed(row) ? (row.scopeId ?? scopeId) : scopeId,
  };
  const marked = isClosed(known) ? known : forward(known, known.want === 'cancel' ? 'cancelling' : 'accepted');
  return observation.presence === 'present' ? onPresent(marked, observation, scopeId, now) : marked;
}

function onObservation(row: RunRecord, evidence: Told, now: number): RunRecord {
  const { observation } = evidence;
  switch (observation.presence) {
    case 'present':
      return onPresent(row, observation, evidence.scopeId, now);
    case 'absent':
      return onAbsent(row, evidence, now);
    case 'unknown':
      return row;
  }
}

function onPresent(row: RunRecord, observation: Present, scopeId: string, now: number): RunRecord {
  if (observation.phase !== 'ended') return onLive(row, observation, scopeId, now);
  return observation.outcome === undefined ? row : onEnded(row, observation, scopeId, now);
}

function onLive(row: RunRecord, observation: Present, scopeId: string, now: number): RunRecord {
  if (isClosed(row) && !isCorrectable(row, now)) {
    return row.outcome === undefined ? withWorkload(row, observation, row.scopeId ?? scopeId) : row;
  }
  const open = isClosed(row) ? reopened(row) : row;
  const seen = withWorkload(open, observation, open.accepted ? scopeId : open.scopeId);
  const state = liveState(seen, observation);
  const late = stateOrder(state) < stateOrder(seen.state) && seen.want === 'run';
  return late ? seen : withDiagnosis(forward(seen, state), observation.diagnosis);
}

function onEnded(row: RunRecord, observation: Present, scopeId: string, now: number): RunRecord {
  const { outcome } = observation;
  if (outcome === undefined || (isClosed(row) && row.outcome !== undefined)) return row;
  const outranked = isClosed(row) && rankOf(row.writtenBy) > rankOf('runner');
  if (isClosed(row) && !outranked && !isCorrectable(row, now)) return row;
  const seen: RunRecord = { ...withWorkload(row, observation, row.scopeId ?? scopeId), outcome, goneAt: now };
  if (outranked) return { ...seen, ...optional('diagnosis', row.diagnosis ?? outcome.diagnosis) };
  const ending = row.want === 'run' && isEndingReason(row.reason) && outcome.result !== 'succeeded';
  return {
    ...without(seen, 'diagnosis', 'reason'),
    state: ending ? 'failed' : outcome.result,
    writtenBy: 'runner',
    endedAt: observation.endedAt ?? now,
    ...optional('diagnosis', whyEnded(row, outcome, ending)),
    ...optional('reason', ending ? row.reason : undefined),
  };
}

/**
 * Not every workload can keep why it was ended: `cancelled` means then only that somebody stopped it, and what the row
 * knows says more.
 */
function whyEnded(row: RunRecord, { result, diagnosis }: WireOutcome, ending: boolean): WireDiagnosis | undefined {
  const stopped = result === 'cancelled';
  if (row.want === 'cancel' && stopped) return undefined;
  const bare = stopped || diagnosis === undefined || isEndingReason(diagnosis.code);
  return ending && bare ? (row.diagnosis ?? diagnosis) : diagnosis;
}

function onAbsent(row: RunRecord, evidence: Told, now: number): RunRecord {
  const levelAccepted = evidence.kind === 'observed' && evidence.levelAccepted === false ? false : row.accepted;
  if (!row.accepted) {
    if (isClosed(row)) return row;
    const state = row.want === 'cancel' ? row.state : 'queued';
    return row.workload === undefined ? row : { ...without(row, 'workload', 'startedAt', 'diagnosis'), state };
  }
  if (!levelAccepted || row.scopeId !== evidence.scopeId || row.goneAt !== undefined) return row;
  if (isClosed(row)) return { ...row, goneAt: now };
  return {
    ...row,
    state: 'lost',
    writtenBy: 'runner',
    endedAt: now,
    goneAt: now,
    reason: 'lost',
    diagnosis: LOST,
  };
}

function onRefused(row: RunRecord, evidence: Extract<Evidence, { kind: 'refused' }>, now: number): RunRecord {
  const overrules = isClosed(row) ? isCorrectable(row, now) && row.writtenBy === 'controlPlane' : true;
  if (!overrules || row.accepted || row.workload !== undefined) return row;
  return {
    ...row,
    offered: true,
    state: 'refused',
    writtenBy: 'runner',
    endedAt: now,
    goneAt: now,
    reason: evidence.code,
    diagnosis: agentProblem(evidence, true),
  };
}

function onWaiting(row: RunRecord, evidence: Extract<Evidence, { kind: 'waiting' }>): RunRecord {
  if (isClosed(row) || row.accepted || row.workload !== undefined || row.want === 'cancel') return row;
  return { ...row, offered: true, reason: evidence.code, diagnosis: agentProblem(evidence, false) };
}

function onCancelled(row: RunRecord, evidence: Extract<Evidence, { kind: 'cancelled' }>, now: number): RunRecord {
  // Its workload was made elsewhere, where it may live on.
  if (row.accepted && row.scopeId !== evidence.scopeId) return row;
  if (isClosed(row)) {
    if (row.outcome !== undefined) return row;
    const overrules =
      isCorrectable(row, now) && (row.writtenBy === 'controlPlane' || (row.state === 'lost' && row.want === 'cancel'));
    if (!overrules) return { ...row, goneAt: row.goneAt ?? now };
  }
  return {
    ...without(row, 'diagnosis', 'reason', 'workload'),
    offered: true,
    state: 'cancelled',
    writtenBy: 'runner',
    endedAt: now,
    goneAt: now,
  };
}

function onEnding(row: RunRecord, evidence: Extract<Evidence, { kind: 'ending' }>): RunRecord {
  if (isClosed(row)) return row;
  const diagnosis = evidence.diagnosis ?? endingDiagnosis(evidence.reason);
  return { ...row, offered: true, reason: evidence.reason, diagnosis };
}

// --- small pieces ----------------------------------------------------------------------------------------------------

/** A living workload under a row that said otherwise. Whether it was accepted, and what is wanted of it, stays. */
function reopened(row: RunRecord): RunRecord {
  return { ...without(row, 'endedAt', 'goneAt', 'reason', 'diagnosis'), state: 'queued', writtenBy: 'runner' };
}

function liveState(row: RunRecord, observation: Present): RunState {
  if (row.want === 'cancel') return 'cancelling';
  return observation.phase === 'running' ? 'running' : 'pending';
}

function forward(row: RunRecord, state: RunState): RunRecord {
  if (stateOrder(state) <= stateOrder(row.state)) return row;
  // What it waited for is over.
  const calm = row.state === 'queued' && !isEndingReason(row.reason) ? without(row, 'reason', 'diagnosis') : row;
  return { ...calm, state, writtenBy: 'runner' };
}

function withWorkload(row: RunRecord, observation: Present, scopeId: string | undefined): RunRecord {
  return {
    ...row,
    offered: true,
    workload: observation.workload,
    ...optional('scopeId', scopeId),
    ...optional('startedAt', row.startedAt ?? observation.startedAt),
  };
}

/** Why a living workload makes no progress now; what the agent said of an ending stays. */
function withDiagnosis(row: RunRecord, diagnosis: WireDiagnosis | undefined): RunRecord {
  if (isEndingReason(row.reason)) return row;
  return { ...without(row, 'diagnosis', 'reason'), ...optional('diagnosis', diagnosis) };
}
