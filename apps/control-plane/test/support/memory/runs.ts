import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { Bus, RunBook, RunRecord } from '@runner/protocol/server';
import { concernsAgent, isClosed } from '@runner/protocol/server';
import type { JsonObject, ProgressRow, ProgressStore, RunRow, RunStore } from '../../../src/store/ports.ts';
import { plain } from './entities.ts';

export interface StoredRun {
  row: RunRow;
  settled: boolean;
  /** False for adopted workloads: there is nothing to send for them. */
  readonly startable: boolean;
}
export type RunRows = Map<string, StoredRun>;

export interface MemoryRuns {
  readonly rows: RunRows;
  readonly runs: Omit<RunStore, 'uncollected'>;
  readonly runBook: RunBook;
  readonly progress: ProgressStore;
}

export function memoryRuns(clock: Clock, publish: Bus['publish']): MemoryRuns {
  const rows: RunRows = new Map();
  const progressRows = new Map<string, ProgressRow>();
  const all = (): readonly StoredRun[] => [...rows.values()];
  const openOf = (entityId: string): readonly RunRow[] =>
    all().flatMap(({ row }) => (row.entityId === entityId && !isClosed(row.record) ? [row] : []));
  const byRunId = (list: readonly StoredRun[], limit: number, after = ''): readonly RunRow[] =>
    list
      .map(({ row }) => row)
      .filter((row) => row.record.runId > after)
      .sort((a, b) => (a.record.runId < b.record.runId ? -1 : 1))
      .slice(0, limit);
  const write = (stored: StoredRun, record: RunRecord): void => {
    if (!isClosed(record) || !isDeepStrictEqual(endOf(stored.row.record), endOf(record))) stored.settled = false;
    stored.row = { ...stored.row, record: plain(record) };
  };

  const runs: Omit<RunStore, 'uncollected'> = {
    create: async ({ concurrency, ...run }) => {
      const open = openOf(run.entityId);
      if (open[0] !== undefined && open.length >= concurrency && !isClosed(run.record)) {
        throw inProgress(open[0].record.runId);
      }
      if (rows.has(run.record.runId)) throw new RunnerError('already_exists', 'there is a run with this id already');
      rows.set(run.record.runId, { row: plain(run), settled: false, startable: true });
      await publish({ kind: 'runs', agentId: run.record.agentId });
      return run;
    },
    get: (runId) => Promise.resolve(rows.get(runId)?.row),
    ofEntity: (entityId, limit) =>
      Promise.resolve(
        all()
          .map(({ row }) => row)
          .filter((row) => row.entityId === entityId)
          .reverse()
          .slice(0, limit),
      ),
    openOfEntity: (entityId) => Promise.resolve(openOf(entityId)),
    open: (limit, after) =>
      Promise.resolve(
        byRunId(
          all().filter(({ row }) => !isClosed(row.record)),
          limit,
          after,
        ),
      ),
    update: async (runId, change) => {
      const stored = rows.get(runId);
      if (stored === undefined) throw new RunnerError('not_found', 'there is no such run');
      const before = stored.row.record;
      const after = change(structuredClone(stored.row));
      if (after === undefined) return stored.row;
      write(stored, after);
      if (after.want !== before.want) await publish({ kind: 'runs', agentId: after.agentId });
      return stored.row;
    },
    unsettled: (limit, after) =>
      Promise.resolve(
        byRunId(
          all().filter(({ row, settled }) => isClosed(row.record) && !settled),
          limit,
          after,
        ),
      ),
    markSettled: (runId, state) => {
      const stored = rows.get(runId);
      if (
        stored !== undefined &&
        isClosed(stored.row.record) &&
        (state ?? stored.row.record.state) === stored.row.record.state
      )
        stored.settled = true;
      return Promise.resolve();
    },
    removeOfEntity: (entityId) => {
      const open = openOf(entityId)[0];
      if (open !== undefined) throw inProgress(open.record.runId);
      for (const [runId, { row }] of rows) if (row.entityId === entityId) rows.delete(runId);
      return Promise.resolve();
    },
  };

  const runBook: RunBook = {
    open: (agentId) =>
      Promise.resolve(
        all()
          .map(({ row }) => row.record)
          .filter((record) => record.agentId === agentId && concernsAgent(record, clock.now())),
      ),
    get: (runId) => Promise.resolve(rows.get(runId)?.row.record),
    update: (runId, change) => {
      const stored = rows.get(runId);
      const before = stored?.row.record;
      const after = change(structuredClone(before));
      if (after === undefined) return Promise.resolve({ before, after: before });
      if (stored === undefined) rows.set(runId, { row: adopted(plain(after)), settled: false, startable: false });
      else write(stored, after);
      return Promise.resolve({ before, after });
    },
    start: (runId) => {
      const stored = rows.get(runId);
      return Promise.resolve(stored?.startable === true ? stored.row.start : undefined);
    },
  };

  const progress: ProgressStore = {
    put: (runId, update: JsonObject) => {
      if (!rows.has(runId)) throw new RunnerError('not_found', 'there is no such run');
      const sequence = (progressRows.get(runId)?.sequence ?? 0) + 1;
      progressRows.set(runId, { runId, update: plain(update), sequence, updatedAt: clock.now() });
      return Promise.resolve();
    },
    get: (runId) => Promise.resolve(rows.has(runId) ? progressRows.get(runId) : undefined),
  };
  return { rows, runs, runBook, progress };
}

function endOf({ state, writtenBy, endedAt, reason, diagnosis, outcome }: RunRecord): unknown {
  return plain({ state, writtenBy, endedAt, reason, diagnosis, outcome });
}

function adopted(record: RunRecord): RunRow {
  const { runId, pipelineType, deadlineSeconds, priority } = record;
  return {
    record,
    kind: 'pipeline',
    entityId: '',
    entityFqn: '',
    start: { runId, kind: 'pipeline', pipelineType, name: runId, fqn: runId, config: {}, deadlineSeconds, priority },
    trigger: 'adopted',
    attempt: 1,
    createdBy: '',
    runTokenId: '',
    exitTokenId: '',
  };
}

function inProgress(runId: string): RunnerError {
  return new RunnerError('run_in_progress', 'a run of this is in progress already', { details: { runId } });
}
