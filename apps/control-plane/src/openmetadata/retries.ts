import { isClosed } from '@runner/protocol/server';
import type { JsonObject, RunRow } from '../store/ports.ts';
import { numberOf, objectOf } from './json.ts';

/** Endings after which another attempt would only repeat what somebody decided, or wait for the same absent runner. */
const NOT_RETRIED: ReadonlySet<string> = new Set(['abandoned', 'runner_unavailable']);
const DEFAULT_DELAY_SECONDS = 300;

/**
 * When the next attempt of a failed run is due (epoch milliseconds), by `airflowConfig.retries` and `retryDelay`.
 * Undefined: there is none. Each attempt is a run of its own.
 */
export function retryDueAt(row: RunRow, pipeline: JsonObject): number | undefined {
  const { record } = row;
  if (!isClosed(record) || record.want === 'cancel') return undefined;
  if (record.state !== 'failed' && record.state !== 'lost') return undefined;
  if (NOT_RETRIED.has(record.reason ?? '') || pipeline['deleted'] === true) return undefined;
  const airflow = objectOf(pipeline['airflowConfig']);
  if (row.attempt > (numberOf(airflow['retries']) ?? 0)) return undefined;
  const delay = Math.max(0, numberOf(airflow['retryDelay']) ?? DEFAULT_DELAY_SECONDS);
  return (record.endedAt ?? record.queuedAt) + delay * 1000;
}
