import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import { eq, sql } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { isMissingReference } from '../database/errors.ts';
import { runProgress } from '../database/schema.ts';
import type { JsonObject, ProgressStore } from '../ports.ts';

export function createProgress(database: Database, clock: Clock): ProgressStore {
  return {
    put: async (runId, update) => {
      const values = { update, updatedAt: clock.now() };
      const sequence = sql`${runProgress.sequence} + 1`;
      await database
        .use((db) =>
          db
            .insert(runProgress)
            .values({ runId, sequence: 1, ...values })
            .onConflictDoUpdate({ target: runProgress.runId, set: { ...values, sequence } }),
        )
        .catch((error: unknown) => {
          throw isMissingReference(error) ? new RunnerError('not_found', 'there is no such run') : error;
        });
    },
    get: async (runId) => {
      const rows = await database.use((db) => db.select().from(runProgress).where(eq(runProgress.runId, runId)));
      return rows[0] && { ...rows[0], update: rows[0].update as JsonObject };
    },
  };
}
