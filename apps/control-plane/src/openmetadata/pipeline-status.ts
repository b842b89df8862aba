import { redactText } from '@runner/core';
import type { WireDiagnosis } from '@runner/protocol';
import type { RunRecord, WorkloadStatus, WrittenBy } from '@runner/protocol/server';
import { isClosed, isCorrectable } from '@runner/protocol/server';
import type { JsonObject, StatusRow } from '../store/ports.ts';
import { isObject, numberOf } from './json.ts';
import type { IncomingState } from './states.ts';
import { isTerminalPipelineState, pipelineStateOf, runStateOf } from './states.ts';

/** What a status row becomes; `undefined` leaves it as it is. */
export type StatusWrite = Pick<StatusRow, 'status' | 'writtenBy'>;

/** Our own step in a status: why the run ended as it did. The exit handler's is called `Pod Diagnostics`. */
export const OWN_STEP = 'Runner Diagnostics';
const EXIT_STEP = 'Pod Diagnostics';

/** A PipelineStatus as a workload PUTs it, after validation. */
export interface IncomingStatus {
  readonly runId: string;
  readonly pipelineState: IncomingState;
  readonly [key: string]: unknown;
}

// --- what the control plane writes -----------------------------------------------------------------------------------

/** The row that stands from the moment a run exists, so that it can be seen before its workload speaks. */
export function queuedStatus(record: RunRecord): StatusWrite {
  const { runId, queuedAt } = record;
  return {
    status: { runId, pipelineState: 'queued', startDate: queuedAt, timestamp: queuedAt },
    writtenBy: 'controlPlane',
  };
}

/**
 * The terminal status of a run that has ended (decisions.md 8). What the workload or its exit step said stays; a status
 * that still says `running`, or is missing, is completed: same run id, same startDate, and the diagnosis as a failure of
 * a step. Evidence that came later (a run found again) replaces an ending that we had written ourselves.
 */
export function endedStatus(row: StatusRow | undefined, record: RunRecord, now: number): StatusWrite | undefined {
  if (!isClosed(record)) return undefined;
  const state = pipelineStateOf(record);
  if (row !== undefined && isTerminalPipelineState(row.status['pipelineState'])) {
    if (row.writtenBy === 'main') return undefined;
    if (row.writtenBy === 'exitStep' && record.want === 'run') return explained(row, record);
    if (row.status['pipelineState'] === state && sameText(row.status, record)) return undefined;
  }
  const startDate = numberOf(row?.status['startDate']) ?? record.startedAt ?? record.acceptedAt ?? record.queuedAt;
  const steps = stepsOf(row?.status).filter((step) => step['name'] !== OWN_STEP);
  return {
    status: {
      ...row?.status,
      runId: record.runId,
      pipelineState: state,
      startDate,
      timestamp: numberOf(row?.status['timestamp']) ?? startDate,
      endDate: record.endedAt ?? now,
      status: state === 'failed' ? [...steps, failureStep(record)] : steps,
    },
    writtenBy: record.writtenBy,
  };
}

/** What the exit step said, with what the runner knows besides: its own word is only that the program failed. */
function explained(row: StatusRow, record: RunRecord): StatusWrite | undefined {
  const failed = row.status['pipelineState'] === 'failed' && pipelineStateOf(record) === 'failed';
  if (!failed || record.diagnosis === undefined || sameText(row.status, record)) return undefined;
  const steps = stepsOf(row.status).filter((step) => step['name'] !== OWN_STEP);
  return { status: { ...row.status, status: [...steps, failureStep(record)] }, writtenBy: row.writtenBy };
}

/** Why a run ended badly, as one sentence for people. */
export function endingText(record: RunRecord): string {
  const { state, diagnosis, outcome } = record;
  // With a diagnosis it was not cancelled here.
  if (state === 'cancelled' && diagnosis === undefined) return 'The run was cancelled.';
  if (diagnosis !== undefined) return withHint(diagnosis);
  if (outcome?.signal !== undefined) return `The program was ended by ${outcome.signal}.`;
  if (outcome?.exitCode !== undefined) return `The program ended with exit code ${outcome.exitCode}.`;
  return state === 'refused' ? 'The runner refused the run.' : 'The run failed without saying why.';
}

function failureStep(record: RunRecord): JsonObject {
  const code = record.diagnosis?.code ?? record.reason ?? record.state;
  return {
    name: OWN_STEP,
    records: 0,
    updated_records: 0,
    warnings: 0,
    errors: 1,
    filtered: 0,
    failures: [
      {
        name: code,
        error: redactText(endingText(record)),
        ...(record.outcome?.logTail === undefined ? {} : { stackTrace: redactText(record.outcome.logTail) }),
      },
    ],
  };
}

function sameText(status: JsonObject, record: RunRecord): boolean {
  const own = stepsOf(status).find((step) => step['name'] === OWN_STEP);
  const before = JSON.stringify(own);
  return before === (pipelineStateOf(record) === 'failed' ? JSON.stringify(failureStep(record)) : undefined);
}

function withHint(diagnosis: WireDiagnosis): string {
  const { message, hint } = diagnosis;
  return hint === undefined ? message : `${message} ${hint}`;
}

// --- what a workload writes ------------------------------------------------------------------------------------------

/**
 * What a PUT by the main program does: it replaces the row, except that its own first terminal state is final and that
 * an ending is not taken back by a late `running` unless nobody saw the workload end.
 */
export function statusByMain(
  row: StatusRow | undefined,
  incoming: IncomingStatus,
  record: RunRecord | undefined,
  now: number,
): StatusWrite | undefined {
  const standing = row?.status['pipelineState'];
  const write: StatusWrite = { status: completed(incoming, row, now), writtenBy: 'main' };
  if (row === undefined || !isTerminalPipelineState(standing)) return write;
  if (row.writtenBy === 'main') {
    return incoming.pipelineState === standing ? write : mergedSteps(row, incoming);
  }
  if (isTerminalPipelineState(incoming.pipelineState)) return write;
  return record !== undefined && (!isClosed(record) || isCorrectable(record, now)) ? write : undefined;
}

/**
 * What a PUT by the exit step does: its first state counts, when main left no terminal one and no cancel is recorded;
 * otherwise only its diagnostics are kept.
 */
export function statusByExitStep(
  row: StatusRow | undefined,
  incoming: IncomingStatus,
  record: RunRecord | undefined,
  now: number,
): StatusWrite | undefined {
  if (workloadStatusOf(incoming, 'exitStep') === undefined) return undefined;
  const standing = row?.status['pipelineState'];
  const decided =
    row !== undefined &&
    isTerminalPipelineState(standing) &&
    (row.writtenBy === 'main' || (row.writtenBy === 'exitStep' && standing !== incoming.pipelineState));
  if (row !== undefined && (decided || record?.want === 'cancel')) return mergedSteps(row, incoming);
  if (record?.want === 'cancel') return undefined;
  return { status: completed(incoming, row, now), writtenBy: 'exitStep' };
}

/**
 * The same for the run's row: what `recordByMain` and `recordByExitStep` of the protocol take. The workload's own times
 * stay in its status; clocks of the control plane run on its own time. Undefined: it means nothing for the row.
 */
export function workloadStatusOf(incoming: IncomingStatus, voice: Voice): WorkloadStatus | undefined {
  const state = runStateOf(incoming.pipelineState);
  // The exit step sees the end of a workload, not how much of its work it did.
  const unheard = voice === 'exitStep' && (state === 'running' || state === 'partiallySucceeded');
  return state === undefined || unheard ? undefined : { state };
}

export type Voice = Extract<WrittenBy, 'main' | 'exitStep'>;

/** Which voice a token has in a status. Users and bots that PUT a status speak as the main program does. */
export function voiceOf(role: string): Voice {
  return role === 'exitStep' ? 'exitStep' : 'main';
}

/** OpenMetadata's PUT replaces the whole row; senders that leave the start out would lose it. */
function completed(incoming: IncomingStatus, row: StatusRow | undefined, now: number): JsonObject {
  const startDate = numberOf(incoming['startDate']) ?? numberOf(row?.status['startDate']) ?? now;
  return {
    ...incoming,
    startDate,
    timestamp: numberOf(incoming['timestamp']) ?? numberOf(row?.status['timestamp']) ?? startDate,
  };
}

function mergedSteps(row: StatusRow, incoming: IncomingStatus): StatusWrite | undefined {
  const extra = stepsOf(incoming).filter((step) => step['name'] === EXIT_STEP);
  if (extra.length === 0) return undefined;
  const steps = [...stepsOf(row.status).filter((step) => step['name'] !== EXIT_STEP), ...extra];
  return { status: { ...row.status, status: steps }, writtenBy: row.writtenBy };
}

function stepsOf(status: JsonObject | undefined): readonly JsonObject[] {
  const steps = status?.['status'];
  return Array.isArray(steps) ? steps.filter(isObject) : [];
}
