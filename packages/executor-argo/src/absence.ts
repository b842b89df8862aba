import type { Clock } from '@runner/core';

/** Most runs that are remembered; the oldest go first. */
const MOST = 10_000;

/**
 * Since when runs are not found, for places whose lists may be old: there one answer proves nothing. Absence is believed
 * after two of them, so far apart.
 */
export interface AbsenceNotes {
  /** The run was not found: milliseconds that are missing to a proof, undefined when it is proven. */
  missing(runId: string): number | undefined;
  /** It was found. */
  found(runId: string): void;
}

export function absenceNotes(clock: Clock, absenceMs: number): AbsenceNotes {
  const since = new Map<string, number>();
  return {
    missing: (runId) => {
      const now = clock.monotonic();
      const first = since.get(runId) ?? now;
      since.set(runId, first);
      for (const oldest of since.keys()) {
        if (since.size <= MOST) break;
        since.delete(oldest);
      }
      const left = first + absenceMs - now;
      return left <= 0 ? undefined : left;
    },
    found: (runId) => void since.delete(runId),
  };
}
