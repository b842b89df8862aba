import type { Clock } from '@runner/core';

/** Answers that are further apart than so many times the wanted distance belong to two searches. */
const SAME_SEARCH = 5;
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
  const since = new Map<string, { readonly first: number; readonly last: number }>();
  return {
    missing: (runId) => {
      const now = clock.monotonic();
      const known = since.get(runId);
      const first = known !== undefined && now - known.last <= SAME_SEARCH * absenceMs ? known.first : now;
      since.set(runId, { first, last: now });
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
