import type { RunRecord, RunStart } from '@runner/protocol/server';
import type { runs } from '../database/schema.ts';
import type { RunRow } from '../ports.ts';

type Row = typeof runs.$inferSelect;

/** `trigger` of a workload that was found without a row (the store was restored from an older copy). */
export const ADOPTED = 'adopted';

export function recordOf(row: Pick<Row, 'record'>): RunRecord {
  return row.record as RunRecord;
}

export function runOf(row: Row): RunRow {
  const record = recordOf(row);
  return {
    record,
    kind: row.kind as RunRow['kind'],
    entityId: row.entityId,
    entityFqn: row.entityFqn,
    start: row.start === null ? unknownStart(record) : (row.start as RunStart),
    trigger: row.trigger,
    attempt: row.attempt,
    createdBy: row.createdBy,
    runTokenId: row.runTokenId,
    exitTokenId: row.exitTokenId,
    ...(row.slot === null ? {} : { slot: row.slot }),
    ...(row.retryOf === null ? {} : { retryOf: row.retryOf }),
  };
}

export function valuesOf(run: RunRow): typeof runs.$inferInsert {
  return {
    runId: run.record.runId,
    record: run.record,
    kind: run.kind,
    entityId: run.entityId,
    entityFqn: run.entityFqn,
    start: run.start,
    trigger: run.trigger,
    attempt: run.attempt,
    createdBy: run.createdBy,
    runTokenId: run.runTokenId,
    exitTokenId: run.exitTokenId,
    slot: run.slot ?? null,
    retryOf: run.retryOf ?? null,
  };
}

/** The row of an adopted workload: it belongs to nothing that this store knows, and its start can never be sent. */
export function adoptedValues(record: RunRecord): typeof runs.$inferInsert {
  return {
    runId: record.runId,
    record,
    kind: 'pipeline',
    entityId: '',
    entityFqn: '',
    start: null,
    trigger: ADOPTED,
    attempt: 1,
    createdBy: '',
    runTokenId: '',
    exitTokenId: '',
  };
}

function unknownStart(record: RunRecord): RunStart {
  const { runId, pipelineType, deadlineSeconds, priority } = record;
  return { runId, kind: 'pipeline', pipelineType, name: runId, fqn: runId, config: {}, deadlineSeconds, priority };
}
