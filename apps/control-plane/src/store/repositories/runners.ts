import type { Clock, Random } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { SQL } from 'drizzle-orm';
import { asc, eq, getTableColumns, sql } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { agents, runners } from '../database/schema.ts';
import { notify } from '../events/channels.ts';
import type { JsonObject, RunnerRow, RunnerStore } from '../ports.ts';
import { forgetScope, isHeld } from './agent-book.ts';
import type { LeaseTime } from './lease-time.ts';

type Row = typeof runners.$inferSelect & { readonly active: boolean };

export function createRunners(database: Database, clock: Clock, random: Random, time: LeaseTime): RunnerStore {
  const find = async (condition?: SQL): Promise<readonly RunnerRow[]> => {
    const rows = await database.use((db) =>
      db
        .select({ ...getTableColumns(runners), active: isHeld(time) })
        .from(runners)
        .leftJoin(agents, eq(agents.agentId, runners.name))
        .where(condition)
        .orderBy(asc(runners.name)),
    );
    return rows.map(runnerOf);
  };
  const byId = async (id: string): Promise<RunnerRow | undefined> => (await find(eq(runners.id, id)))[0];
  const byName = async (name: string): Promise<RunnerRow | undefined> => (await find(eq(runners.name, name)))[0];
  const insert = async (row: Parameters<RunnerStore['create']>[0]): Promise<boolean> => {
    const values = { ...row, revoked: false, createdAt: clock.now() };
    const made = await database.use((db) =>
      db.insert(runners).values(values).onConflictDoNothing().returning({ id: runners.id }),
    );
    return made.length > 0;
  };
  const seen = async (names: readonly string[], at: number, info?: JsonObject): Promise<void> => {
    if (names.length === 0) return;
    const lastSeenAt = sql`greatest(${runners.lastSeenAt}, ${at}::bigint)`;
    await database.transaction((tx) =>
      tx
        .update(runners)
        .set({ lastSeenAt, ...(info === undefined ? {} : { info }) })
        .where(sql`${runners.name} = any(${sql.param([...names])}::text[])`),
    );
  };

  return {
    create: async (row) => {
      if (!(await insert(row))) {
        throw new RunnerError('already_exists', 'there is a runner with this name already', {
          details: { name: row.name },
        });
      }
      return found(await byId(row.id));
    },
    ensure: async (agentId) => {
      const standing = await byName(agentId);
      if (standing !== undefined) return standing;
      await insert({ id: random.uuid(), name: agentId, kind: 'hybrid' });
      return found(await byName(agentId));
    },
    byName,
    byId,
    list: () => find(),
    revokedNames: async () => {
      const rows = await database.use((db) =>
        db.select({ name: runners.name }).from(runners).where(eq(runners.revoked, true)),
      );
      return rows.map((row) => row.name);
    },
    seen: (name, at, info) => seen([name], at, info),
    seenAll: (names, at) => seen(names, at),
    update: async (id, change) => {
      if (Object.keys(change).length > 0) {
        await database.use((db) => db.update(runners).set(change).where(eq(runners.id, id)));
      }
      return found(await byId(id));
    },
    releaseScope: (name) =>
      database.transaction(async (tx) => {
        await forgetScope(tx, name);
        await notify(tx, { channel: 'bus', event: { kind: 'released', agentId: name } });
      }),
    remove: async (id) => {
      const gone = await database.use((db) =>
        db.delete(runners).where(eq(runners.id, id)).returning({ id: runners.id }),
      );
      return gone.length > 0;
    },
  };
}

function found(row: RunnerRow | undefined): RunnerRow {
  if (row === undefined) throw new RunnerError('not_found', 'there is no such runner');
  return row;
}

function runnerOf(row: Row): RunnerRow {
  const { id, name, displayName, description, kind, revoked, createdAt, info, lastSeenAt, active } = row;
  return {
    id,
    name,
    kind: kind as RunnerRow['kind'],
    revoked,
    createdAt,
    active,
    ...(displayName === null ? {} : { displayName }),
    ...(description === null ? {} : { description }),
    ...(info === null ? {} : { info: info as JsonObject }),
    ...(lastSeenAt === null ? {} : { lastSeenAt }),
  };
}
