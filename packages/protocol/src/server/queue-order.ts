import type { RunRecord } from './ports.ts';
import { needsStart } from './run-states.ts';

const MINUTE_MS = 60_000;

/**
 * Ageing: each minute of waiting counts as one point of priority, so that a run of priority 0 overtakes a stream of fresh
 * runs of priority 60 after an hour, and nothing waits for ever.
 */
export function effectivePriority(row: RunRecord, now: number): number {
  return row.priority + Math.max(0, now - row.queuedAt) / MINUTE_MS;
}

/**
 * Rows that need their start (again), in the order in which they get it: those whose workload was seen already first
 * (nothing new is created for them), then by effective priority, then by age.
 */
export function startOrder(rows: readonly RunRecord[], now: number): RunRecord[] {
  return rows
    .filter(needsStart)
    .sort(
      (a, b) =>
        Number(b.workload !== undefined) - Number(a.workload !== undefined) ||
        effectivePriority(b, now) - effectivePriority(a, now) ||
        a.queuedAt - b.queuedAt ||
        (a.runId < b.runId ? -1 : 1),
    );
}
