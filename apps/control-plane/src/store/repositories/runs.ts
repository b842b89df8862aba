import { RunnerError } from '@runner/core';
import type { RunRecord } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import { and, asc, desc, eq, gt, ne, notExists, or, sql } from 'drizzle-orm';
import type { Database, Db } from '../database/database.ts';
import { runLogs, runs } from '../database/schema.ts';
import { notify } from '../events/channels.ts';
import type { NewRun, RunRow, RunStore } from '../ports.ts';
import { writeRecord } from './run-book.ts';
import { recordOf, runOf, valuesOf } from './run-rows.ts';

export function createRuns(database: Database): RunStore {
  return {
    create: (run) => database.transaction((tx) => create(tx, run)),
    get: async (runId) => {
      const rows = await database.use((db) => db.select().from(runs).where(eq(runs.runId, runId)));
      return rows[0] && runOf(rows[0]);
    },
    ofEntity: (entityId, limit) =>
      select(database, (db) =>
        db.select().from(runs).where(eq(runs.entityId, entityId)).orderBy(desc(runs.seq)).limit(limit),
      ),
    openOfEntity: (entityId) => select(database, (db) => openOf(db, entityId)),
    open: (limit, afterRunId) =>
      select(database, (db) =>
        db
          .select()
          .from(runs)
          .where(and(eq(runs.open, true), behind(afterRunId)))
          .orderBy(asc(runs.runId))
          .limit(limit),
      ),
    update: (runId, change) => database.transaction((tx) => update(tx, runId, change)),
    unsettled: (limit, afterRunId) =>
      select(database, (db) =>
        db
          .select()
          .from(runs)
          .where(and(eq(runs.open, false), eq(runs.settled, false), behind(afterRunId)))
          .orderBy(asc(runs.runId))
          .limit(limit),
      ),
    markSettled: async (runId, state) => {
      const still = state === undefined ? undefined : eq(runs.state, state);
      await database.use((db) =>
        db
          .update(runs)
          .set({ settled: true })
          .where(and(eq(runs.runId, runId), eq(runs.open, false), still)),
      );
    },
    uncollected: (agentId, endedAfter, limit) => database.use((db) => uncollected(db, agentId, endedAfter, limit)),
    removeOfEntity: (entityId) =>
      database.transaction(async (tx) => {
        await lockEntity(tx, entityId);
        const open = await openOf(tx, entityId);
        if (open[0] !== undefined) throw inProgress(recordOf(open[0]).runId);
        await tx.delete(runs).where(and(eq(runs.entityId, entityId), eq(runs.open, false)));
      }),
  };
}

async function select(
  database: Database,
  query: (db: Db) => PromiseLike<(typeof runs.$inferSelect)[]>,
): Promise<readonly RunRow[]> {
  const rows = await database.use(async (db) => await query(db));
  return rows.map(runOf);
}

const behind = (runId: string | undefined) => (runId === undefined ? undefined : gt(runs.runId, runId));

function openOf(db: Db, entityId: string) {
  return db
    .select()
    .from(runs)
    .where(and(eq(runs.entityId, entityId), eq(runs.open, true)))
    .orderBy(asc(runs.seq));
}

/** Whoever counts an entity's open runs holds this until the transaction ends; rows that do not exist cannot be locked. */
async function lockEntity(tx: Db, entityId: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`runs:${entityId}`}, 0))`);
}

async function create(tx: Db, run: NewRun): Promise<RunRow> {
  await lockEntity(tx, run.entityId);
  // Before the concurrency: who asks again for the very run that is open shall learn that it exists.
  const same = await tx.select({ runId: runs.runId }).from(runs).where(eq(runs.runId, run.record.runId));
  if (same.length > 0) throw sameRun();
  if (!isClosed(run.record)) {
    const open = await openOf(tx, run.entityId);
    if (open[0] !== undefined && open.length >= run.concurrency) throw inProgress(recordOf(open[0]).runId);
  }
  const rows = await tx.insert(runs).values(valuesOf(run)).onConflictDoNothing().returning();
  if (rows[0] === undefined) throw sameRun();
  await notify(tx, { channel: 'bus', event: { kind: 'runs', agentId: run.record.agentId } });
  return runOf(rows[0]);
}

async function update(tx: Db, runId: string, change: (row: RunRow) => RunRecord | undefined): Promise<RunRow> {
  const rows = await tx.select().from(runs).where(eq(runs.runId, runId)).for('update');
  if (rows[0] === undefined) throw new RunnerError('not_found', 'there is no such run', { details: { runId } });
  const row = runOf(rows[0]);
  const after = change(row);
  if (after === undefined) return row;
  await writeRecord(tx, row.record, after);
  if (after.want !== row.record.want) {
    await notify(tx, { channel: 'bus', event: { kind: 'runs', agentId: after.agentId } });
  }
  return { ...row, record: after };
}

async function uncollected(db: Db, agentId: string, endedAfter: number, limit: number): Promise<readonly RunRecord[]> {
  const closedLog = db
    .select({ one: sql`1` })
    .from(runLogs)
    .where(and(eq(runLogs.runId, runs.runId), eq(runLogs.source, 'pulled'), eq(runLogs.closed, true)));
  const rows = await db
    .select({ record: runs.record })
    .from(runs)
    .where(
      and(
        eq(runs.agentId, agentId),
        eq(runs.accepted, true),
        ne(runs.state, 'queued'),
        or(eq(runs.open, true), gt(runs.endedAt, endedAfter)),
        notExists(closedLog),
      ),
    )
    .orderBy(desc(runs.open), desc(runs.seq))
    .limit(limit);
  return rows.map(recordOf);
}

function sameRun(): RunnerError {
  return new RunnerError('already_exists', 'there is a run with this id already');
}

function inProgress(runId: string): RunnerError {
  return new RunnerError('run_in_progress', 'a run of this is in progress already', {
    details: { runId },
    hint: 'Wait until it has ended, or kill it.',
  });
}
