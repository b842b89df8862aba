import type { RunRecord, RunState, WrittenBy } from './ports.ts';

/** `lost` and `abandoned` stay correctable this long; so does a cancel's interest in a workload that may live. */
export const CORRECTABLE_MS = 7 * 24 * 3_600_000;

const ORDER: Readonly<Record<RunState, number>> = {
  queued: 0,
  accepted: 1,
  pending: 2,
  running: 3,
  cancelling: 4,
  succeeded: 5,
  partiallySucceeded: 5,
  failed: 5,
  cancelled: 5,
  refused: 5,
  lost: 5,
};

const RANK: Readonly<Record<WrittenBy, number>> = { controlPlane: 0, runner: 1, exitStep: 2, main: 3 };

/** Position of a state in a run's life; terminal states share the last one. */
export function stateOrder(state: RunState): number {
  return ORDER[state];
}

/** Who is believed: a higher rank beats a lower one, whichever came first. */
export function rankOf(writtenBy: WrittenBy): number {
  return RANK[writtenBy];
}

export function isTerminal(state: RunState): boolean {
  return ORDER[state] === ORDER.succeeded;
}

export function isClosed(row: RunRecord): boolean {
  return isTerminal(row.state);
}

/** A start shall be sent (again): the run is wanted and no agent said yet that its workload exists. */
export function needsStart(row: RunRecord): boolean {
  return !isClosed(row) && row.want === 'run' && !row.accepted;
}

/** A cancel shall be said (again): it is wanted, and something of the run may exist. */
export function needsCancel(row: RunRecord, now: number): boolean {
  if (row.want !== 'cancel' || !row.offered || row.goneAt !== undefined) return false;
  return !isClosed(row) || !isOld(row, now);
}

/** Whether `RunBook.open` returns the row: it is open, or closed while a cancel still waits for its workload to end. */
export function concernsAgent(row: RunRecord, now: number): boolean {
  return !isClosed(row) || needsCancel(row, now);
}

/** Whether a level names the row: only what was offered can exist. */
export function belongsToLevel(row: RunRecord, now: number): boolean {
  return row.offered && concernsAgent(row, now);
}

/**
 * Closed without anybody having seen the workload end, by somebody who ranks no higher than the runner, less than a week
 * ago: evidence of the workload itself may still change it.
 */
export function isCorrectable(row: RunRecord, now: number): boolean {
  return isClosed(row) && row.outcome === undefined && rankOf(row.writtenBy) <= RANK.runner && !isOld(row, now);
}

/** The run's deadline and `slackMs` have passed since the last thing known of it. Whether its agent is silent is for the caller to know. */
export function isOverdue(row: RunRecord, now: number, slackMs: number): boolean {
  if (isClosed(row) || !row.offered) return false;
  const since = row.startedAt ?? row.acceptedAt ?? row.queuedAt;
  return now > since + row.deadlineSeconds * 1_000 + slackMs;
}

/** Whether an open run may have its workload in this scope, so that another scope must wait (decisions.md 6). */
export function holdsScope(row: RunRecord, scopeId: string): boolean {
  return !isClosed(row) && row.offered && (row.scopeId ?? scopeId) === scopeId;
}

function isOld(row: RunRecord, now: number): boolean {
  return row.endedAt !== undefined && now - row.endedAt >= CORRECTABLE_MS;
}
