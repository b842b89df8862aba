import { RunnerError } from '@runner/core';
import { CORRECTABLE_MS, isClosed } from '@runner/protocol/server';
import type { RunRecord } from '@runner/protocol/server';
import type { RunRow } from '../store/ports.ts';

/** A workload may still say how it ended for this long after its row was closed. */
export const RUN_TOKEN_GRACE_MS = 10 * 60_000;

/** When the tokens of this run stop being good (epoch milliseconds); undefined while it is open. */
export function runTokenExpiry(record: RunRecord): number | undefined {
  if (!isClosed(record)) return undefined;
  // `lost` and `abandoned` stay correctable, so their workload may come back and speak.
  const correctable = record.state === 'lost' || record.reason === 'abandoned';
  return (record.endedAt ?? record.queuedAt) + (correctable ? CORRECTABLE_MS : RUN_TOKEN_GRACE_MS);
}

/** The row is the truth about a run's tokens: they are good as long as it names them and is open (or was, just now). */
export function checkRunToken(
  row: RunRow | undefined,
  token: { id: string; role: 'run' | 'exitStep' },
  now: number,
): void {
  const named = token.role === 'run' ? row?.runTokenId : row?.exitTokenId;
  if (row === undefined || named !== token.id) {
    throw new RunnerError('token_invalid', 'the token belongs to a run that does not exist here');
  }
  const until = runTokenExpiry(row.record);
  if (until !== undefined && now >= until) {
    throw new RunnerError('token_expired', `the token of this run expired on ${new Date(until).toISOString()}`, {
      hint: 'a run token is good while its run is open and for a short time after',
    });
  }
}
