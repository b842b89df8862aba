import type { Json } from './client.ts';
import { objectIn } from './client.ts';
import type { RunResult } from './main-job.ts';
import { grouped, seconds, table } from './table.ts';

/** The figures of a run, framed; pure. */
export function resultTable({ state, status, durationMs }: RunResult): string {
  const counts = objectIn(status['metadata']);
  return table(`demo_shop: ${state}`, [
    ['schemas', grouped(counts['schemas'])],
    ['tables', grouped(counts['tables'])],
    ['views', grouped(counts['views'])],
    ['columns', grouped(counts['columns'])],
    ['foreign keys', grouped(counts['foreignKeys'])],
    ['rows profiled', grouped(counts['rowsProfiled'])],
    ['time in the workload', typeof counts['durationMs'] === 'number' ? seconds(counts['durationMs']) : '–'],
    ['time from trigger to end', seconds(durationMs)],
  ]);
}

/** What went wrong, from the steps of a status; pure. */
function failuresIn(status: Json): readonly string[] {
  const steps = Array.isArray(status['status']) ? status['status'].map(objectIn) : [];
  return steps.flatMap((step) =>
    (Array.isArray(step['failures']) ? step['failures'] : [])
      .map(objectIn)
      .map((failure) => `${String(step['name'])}: ${String(failure['name'])}: ${String(failure['error'])}`),
  );
}

/** Why a finished run is no success, or undefined; pure. A run that found nothing is none. */
export function shortcoming({ state, status }: RunResult): string | undefined {
  if (state !== 'success') return [`the run is ${state}`, ...failuresIn(status)].join('\n  ');
  const { tables, rowsProfiled } = objectIn(status['metadata']);
  if (typeof tables !== 'number' || tables === 0) return 'the run says success but names no tables';
  if (typeof rowsProfiled !== 'number' || rowsProfiled === 0) return 'the run says success but has profiled no rows';
  return undefined;
}
