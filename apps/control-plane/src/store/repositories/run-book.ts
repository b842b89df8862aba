import type { Clock } from '@runner/core';
import type { RunBook, RunRecord, RunStart } from '@runner/protocol/server';
import { CORRECTABLE_MS, concernsAgent, isClosed } from '@runner/protocol/server';
import { and, eq, gt, or, sql } from 'drizzle-orm';
import { isDeepStrictEqual } from 'node:util';
import type { Database, Db } from '../database/database.ts';
import { runs } from '../database/schema.ts';
import { adoptedValues, recordOf } from './run-rows.ts';

/** The runs as the bridge sees them. */
export function createRunBook(database: Database, clock: Clock): RunBook {
  return {
    open: async (agentId) => {
      const now = clock.now();
      const endedLately = and(eq(runs.open, false), gt(runs.endedAt, now - CORRECTABLE_MS));
      const cancelWaits = sql`${runs.record} ->> 'want' = 'cancel' and not ${runs.record} ? 'goneAt'`;
      const rows = await database.use((db) =>
        db
          .select({ record: runs.record })
          .from(runs)
          .where(and(eq(runs.agentId, agentId), or(eq(runs.open, true), and(endedLately, cancelWaits)))),
      );
      return rows.map(recordOf).filter((record) => concernsAgent(record, now));
    },
    get: async (runId) => {
      const rows = await database.use((db) =>
        db.select({ record: runs.record }).from(runs).where(eq(runs.runId, runId)),
      );
      return rows[0] && recordOf(rows[0]);
    },
    update: (runId, change) =>
      database.transaction(async (tx) => {
        for (;;) {
          const before = await lockRecord(tx, runId);
          const after = change(before);
          if (after === undefined) return { before, after: before };
          if (before !== undefined) {
            if (onlyOffers(before, after)) await tx.execute(sql`set local synchronous_commit = off`);
            await writeRecord(tx, before, after);
            return { before, after };
          }
          const made = await tx
            .insert(runs)
            .values(adoptedValues(after))
            .onConflictDoNothing()
            .returning({ runId: runs.runId });
          if (made.length > 0) return { before, after };
          // Somebody else made the row between the look and the insert: look again.
        }
      }),
    start: async (runId) => {
      const rows = await database.use((db) => db.select({ start: runs.start }).from(runs).where(eq(runs.runId, runId)));
      return (rows[0]?.start ?? undefined) as RunStart | undefined;
    },
  };
}

/** Reads the row so that nobody else can change it before this transaction ends. */
async function lockRecord(tx: Db, runId: string): Promise<RunRecord | undefined> {
  const rows = await tx.select({ record: runs.record }).from(runs).where(eq(runs.runId, runId)).for('update');
  return rows[0] && recordOf(rows[0]);
}

/**
 * The start is about to be sent, and a person waits for it. Were the database to crash within the second before this is
 * on disk, the agent's report of the workload says it again; so the commit need not wait for the disk.
 */
function onlyOffers(before: RunRecord, after: RunRecord): boolean {
  return !before.offered && after.offered && isDeepStrictEqual({ ...before, offered: true }, after);
}

/** Writes a record. The ending of a closed row that says something new has to be settled (again). */
export async function writeRecord(tx: Db, before: RunRecord, after: RunRecord): Promise<void> {
  const sameEnd = isClosed(after) && isDeepStrictEqual(endOf(before), endOf(after));
  await tx
    .update(runs)
    .set({ record: after, ...(sameEnd ? {} : { settled: false }) })
    .where(eq(runs.runId, before.runId));
}

function endOf({ state, writtenBy, endedAt, reason, diagnosis, outcome }: RunRecord): unknown {
  return { state, writtenBy, endedAt, reason, diagnosis, outcome };
}
