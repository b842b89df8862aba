import { and, desc, eq, sql } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { slots } from '../database/schema.ts';
import type { SlotStore } from '../ports.ts';

/** What is remembered of a pipeline's schedule. */
const KEPT_SLOTS = 200;

export function createSlots(database: Database): SlotStore {
  const history = async (pipelineId: string, limit: number) => {
    const rows = await database.use((db) =>
      db.select().from(slots).where(eq(slots.pipelineId, pipelineId)).orderBy(desc(slots.slot)).limit(limit),
    );
    return rows.map(({ slot, fired, skipped }) => ({
      slot,
      ...(fired === null ? {} : { fired }),
      ...(skipped === null ? {} : { skipped }),
    }));
  };
  return {
    take: async (pipelineId, slot) => {
      const won = await database.use((db) =>
        db.insert(slots).values({ pipelineId, slot }).onConflictDoNothing().returning({ slot: slots.slot }),
      );
      return won.length > 0;
    },
    record: (pipelineId, slot, result) =>
      database.transaction(async (tx) => {
        const values = { fired: result.fired ?? null, skipped: result.skipped ?? null };
        await tx
          .insert(slots)
          .values({ pipelineId, slot, ...values })
          .onConflictDoUpdate({ target: [slots.pipelineId, slots.slot], set: values });
        await tx.delete(slots).where(
          and(
            eq(slots.pipelineId, pipelineId),
            sql`${slots.slot} < (
              select slot from schedule_slots where pipeline_id = ${pipelineId}
              order by slot desc offset ${KEPT_SLOTS - 1} limit 1)`,
          ),
        );
      }),
    last: async (pipelineId) => (await history(pipelineId, 1))[0],
    history,
  };
}
