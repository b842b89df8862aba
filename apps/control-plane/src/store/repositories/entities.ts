import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { SQL } from 'drizzle-orm';
import { and, asc, count, desc, eq, gt, lt, sql } from 'drizzle-orm';
import type { Database, Db } from '../database/database.ts';
import { isDuplicate } from '../database/errors.ts';
import { entities } from '../database/schema.ts';
import type { Entity, EntityKind, EntityQuery, EntityStore, JsonObject, Page } from '../ports.ts';
import { decodeCursor, encodeCursor } from './page-cursor.ts';

type Row = typeof entities.$inferSelect;

export function createEntities(database: Database, clock: Clock): EntityStore {
  const one = async (condition: SQL | undefined): Promise<Entity | undefined> => {
    const rows = await database.use((db) => db.select().from(entities).where(condition));
    return rows[0] && entityOf(rows[0]);
  };
  return {
    create: async (entity) => {
      const row = { ...entity, revision: 1, updatedAt: clock.now() };
      const made = await database.use((db) => db.insert(entities).values(row).onConflictDoNothing().returning());
      if (made[0] === undefined) throw alreadyExists(entity.kind, entity.fqn);
      return entityOf(made[0]);
    },
    byId: (kind, id) => one(and(eq(entities.kind, kind), eq(entities.id, id))),
    byFqn: (kind, fqn) => one(and(eq(entities.kind, kind), eq(entities.fqn, fqn))),
    list: (query) => database.use((db) => list(db, query)),
    update: (kind, id, change, expectedRevision) =>
      database
        .transaction(async (tx) => {
          const entity = await locked(tx, kind, id);
          if (expectedRevision !== undefined && expectedRevision !== entity.revision) {
            throw changedMeanwhile(entity, expectedRevision);
          }
          const changed = change(entity);
          if (changed === undefined) return entity;
          const set = { ...changed, revision: entity.revision + 1, updatedAt: clock.now() };
          const rows = await tx.update(entities).set(set).where(eq(entities.id, id)).returning();
          return rows[0] === undefined ? entity : entityOf(rows[0]);
        })
        .catch((error: unknown) => {
          throw isDuplicate(error) ? alreadyExists(kind, 'that name') : error;
        }),
    remove: async (kind, id) => {
      const gone = await database.use((db) =>
        db
          .delete(entities)
          .where(and(eq(entities.kind, kind), eq(entities.id, id)))
          .returning({ id: entities.id }),
      );
      return gone.length > 0;
    },
  };
}

function entityOf(row: Row): Entity {
  return { ...row, kind: row.kind as EntityKind, json: row.json as JsonObject };
}

async function locked(tx: Db, kind: EntityKind, id: string): Promise<Entity> {
  const rows = await tx
    .select()
    .from(entities)
    .where(and(eq(entities.kind, kind), eq(entities.id, id)))
    .for('update');
  if (rows[0] === undefined)
    throw new RunnerError('not_found', `there is no ${kind} with this id`, { details: { id } });
  return entityOf(rows[0]);
}

/** One page by FQN; `before` reads backwards from the cursor. One row more than asked for tells whether there is another page. */
async function list(db: Db, query: EntityQuery): Promise<Page<Entity>> {
  const { kind, limit, after, before, where = {} } = query;
  const filter = and(eq(entities.kind, kind), ...Object.entries(where).map(([path, value]) => fieldIs(path, value)));
  const [counted] = await db.select({ total: count() }).from(entities).where(filter);
  const total = counted?.total ?? 0;
  if (limit <= 0) return { data: [], total };
  const backwards = before !== undefined;
  const edge = backwards
    ? lt(entities.fqn, decodeCursor(before))
    : after === undefined
      ? undefined
      : gt(entities.fqn, decodeCursor(after));
  const rows = await db
    .select()
    .from(entities)
    .where(and(filter, edge))
    .orderBy(backwards ? desc(entities.fqn) : asc(entities.fqn))
    .limit(limit + 1);
  const more = rows.length > limit;
  const data = rows.slice(0, limit).map(entityOf);
  if (backwards) data.reverse();
  // Whoever came from a later page can go back there; whoever came from an earlier one likewise.
  return { data, total, ...(backwards ? cursors(data, true, more) : cursors(data, more, after !== undefined)) };
}

function cursors(data: readonly Entity[], later: boolean, earlier: boolean): Pick<Page<Entity>, 'after' | 'before'> {
  const first = data[0];
  const last = data.at(-1);
  return {
    ...(later && last !== undefined ? { after: encodeCursor(last.fqn) } : {}),
    ...(earlier && first !== undefined ? { before: encodeCursor(first.fqn) } : {}),
  };
}

/** `a.b` equals the text; path elements are parameters, so a field name cannot be SQL. */
function fieldIs(path: string, value: string): SQL {
  return sql`${entities.json} #>> ${sql.param(path.split('.'))}::text[] = ${value}`;
}

function alreadyExists(kind: EntityKind, fqn: string): RunnerError {
  return new RunnerError('already_exists', `there is a ${kind} with this name already`, { details: { fqn } });
}

function changedMeanwhile(entity: Entity, expected: number): RunnerError {
  return new RunnerError('conflict', 'the entity was changed by somebody else meanwhile', {
    details: { id: entity.id, expectedRevision: expected, revision: entity.revision },
    hint: 'Read it again and repeat the change.',
  });
}
