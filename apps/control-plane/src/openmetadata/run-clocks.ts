import type { RunRecord } from '@runner/protocol/server';
import { abandon, isClosed, isOverdue, runnerUnavailable } from '@runner/protocol/server';
import type { RunRow, RunnerRow } from '../store/ports.ts';

/** An agent has this long past a run's deadline to say how it ended. */
export const ABANDON_SLACK_MS = 15 * 60_000;
/** An agent that was heard of within this time is not silent. */
export const SILENCE_MS = 10 * 60_000;
/** Somebody waits for a test connection: it does not stay queued for a runner that went away. */
export const AUTOMATION_PATIENCE_MS = 30_000;

export interface ClockSettings {
  /** How long a run that was never offered waits, in milliseconds. */
  readonly runnerUnavailableMs: number;
}

/** What the passing of time does to an open run; undefined: nothing yet. */
export function onTime(
  row: RunRow,
  runner: RunnerRow | undefined,
  now: number,
  { runnerUnavailableMs }: ClockSettings,
): RunRecord | undefined {
  const { record } = row;
  if (isClosed(record)) return undefined;
  if (!record.offered) {
    const hurried = row.kind === 'automation' && runner?.active !== true;
    const patience = hurried ? Math.min(AUTOMATION_PATIENCE_MS, runnerUnavailableMs) : runnerUnavailableMs;
    return now - record.queuedAt >= patience ? runnerUnavailable(record, now) : undefined;
  }
  return isOverdue(record, now, ABANDON_SLACK_MS) && isSilent(runner, now) ? abandon(record, now) : undefined;
}

function isSilent(runner: RunnerRow | undefined, now: number): boolean {
  return runner === undefined || (!runner.active && now - (runner.lastSeenAt ?? 0) >= SILENCE_MS);
}
