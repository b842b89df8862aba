import { RunnerError } from '@runner/core';
import { and, desc, eq, inArray, isNull, lt, lte, or } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { tokens } from '../database/schema.ts';
import type { TokenRole, TokenRow, TokenStore } from '../ports.ts';

export interface TokenKeeping {
  /** Deletes rows of tokens that expired before this instant: such a token is refused without its row. */
  expire(before: number): Promise<number>;
}

export function createTokens(database: Database): TokenStore & TokenKeeping {
  return {
    add: async (row) => {
      const made = await database.use((db) =>
        db.insert(tokens).values(row).onConflictDoNothing().returning({ id: tokens.id }),
      );
      if (made.length === 0) throw new RunnerError('already_exists', 'there is a token with this id already');
    },
    get: async (id) => {
      const rows = await database.use((db) => db.select().from(tokens).where(eq(tokens.id, id)));
      return rows[0] && tokenOf(rows[0]);
    },
    list: async ({ role, agentId }) => {
      const condition = and(
        role === undefined ? undefined : eq(tokens.role, role),
        agentId === undefined ? undefined : eq(tokens.agentId, agentId),
      );
      const rows = await database.use((db) =>
        db.select().from(tokens).where(condition).orderBy(desc(tokens.createdAt), tokens.id),
      );
      return rows.map(tokenOf);
    },
    revoke: async (id, at) => {
      const hit = await database.use((db) =>
        db
          .update(tokens)
          .set({ revokedAt: at })
          .where(and(eq(tokens.id, id), isNull(tokens.revokedAt)))
          .returning({ id: tokens.id }),
      );
      return hit.length > 0;
    },
    endedAmong: async (ids, at) => {
      if (ids.length === 0) return [];
      const ended = or(lte(tokens.revokedAt, at), lte(tokens.expiresAt, at));
      const rows = await database.use((db) =>
        db
          .select({ id: tokens.id })
          .from(tokens)
          .where(and(inArray(tokens.id, [...ids]), ended)),
      );
      return rows.map((row) => row.id);
    },
    expire: async (before) => {
      const gone = await database.use((db) =>
        db.delete(tokens).where(lt(tokens.expiresAt, before)).returning({ id: tokens.id }),
      );
      return gone.length;
    },
  };
}

function tokenOf(row: typeof tokens.$inferSelect): TokenRow {
  const { id, role, subject, agentId, runId, createdAt, expiresAt, revokedAt } = row;
  return {
    id,
    role: role as TokenRole,
    subject,
    createdAt,
    ...(agentId === null ? {} : { agentId }),
    ...(runId === null ? {} : { runId }),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(revokedAt === null ? {} : { revokedAt }),
  };
}
