import type { Clock } from '@runner/core';
import { and, desc, eq, gte, lte, sql } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { runStatuses } from '../database/schema.ts';
import type { JsonObject, StatusRow, StatusStore } from '../ports.ts';

type Row = typeof runStatuses.$inferSelect;

export function createStatuses(database: Database, clock: Clock): StatusStore {
  const keyed = (pipelineFqn: string, runId: string) =>
    and(eq(runStatuses.pipelineFqn, pipelineFqn), eq(runStatuses.runId, runId));
  return {
    update: (pipelineFqn, runId, change) =>
      database.transaction(async (tx) => {
        // The row may not exist yet, so it cannot be what is locked.
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`status:${pipelineFqn}:${runId}`}, 0))`);
        const rows = await tx.select().from(runStatuses).where(keyed(pipelineFqn, runId));
        const before = rows[0] && statusOf(rows[0]);
        const changed = change(before);
        if (changed === undefined) return before;
        const now = clock.now();
        const values = { ...changed, updatedAt: now, timestamp: timestampOf(changed.status, now) };
        const written = await tx
          .insert(runStatuses)
          .values({ pipelineFqn, runId, ...values })
          .onConflictDoUpdate({ target: [runStatuses.pipelineFqn, runStatuses.runId], set: values })
          .returning();
        return written[0] && statusOf(written[0]);
      }),
    get: async (pipelineFqn, runId) => {
      const rows = await database.use((db) => db.select().from(runStatuses).where(keyed(pipelineFqn, runId)));
      return rows[0] && statusOf(rows[0]);
    },
    list: async (pipelineFqn, { startTs, endTs, limit }) => {
      const rows = await database.use((db) =>
        db
          .select()
          .from(runStatuses)
          .where(
            and(
              eq(runStatuses.pipelineFqn, pipelineFqn),
              startTs === undefined ? undefined : gte(runStatuses.timestamp, startTs),
              endTs === undefined ? undefined : lte(runStatuses.timestamp, endTs),
            ),
          )
          .orderBy(desc(runStatuses.timestamp), desc(runStatuses.runId))
          .limit(limit),
      );
      return rows.map(statusOf);
    },
    remove: async (pipelineFqn, runId) => {
      const condition = runId === undefined ? eq(runStatuses.pipelineFqn, pipelineFqn) : keyed(pipelineFqn, runId);
      const gone = await database.use((db) =>
        db.delete(runStatuses).where(condition).returning({ runId: runStatuses.runId }),
      );
      return gone.length;
    },
  };
}

function statusOf(row: Row): StatusRow {
  const { pipelineFqn, runId, status, writtenBy, updatedAt } = row;
  return {
    pipelineFqn,
    runId,
    status: status as JsonObject,
    writtenBy: writtenBy as StatusRow['writtenBy'],
    updatedAt,
  };
}

function timestampOf(status: JsonObject, now: number): number {
  const { timestamp } = status;
  return typeof timestamp === 'number' && Number.isSafeInteger(timestamp) ? timestamp : now;
}
