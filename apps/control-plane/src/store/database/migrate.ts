import { RunnerError } from '@runner/core';
import { sql } from 'drizzle-orm';
import type { Database, Db } from './database.ts';
import type { Migration } from './migrations.ts';
import { migrations as all } from './migrations.ts';

/** Any number that nothing else in this database locks. */
const MIGRATION_LOCK = 7_283_190_001;

/**
 * Brings the schema up to date in one transaction. Replicas that start together wait for each other, so give it a
 * database with generous time limits. Returns the names of what was applied. Rejects with `store_newer` when a newer
 * release has migrated this database already.
 */
export function migrate(database: Database, migrations: readonly Migration[] = all): Promise<readonly string[]> {
  return database.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`);
    await tx.execute(sql`
      create table if not exists schema_migrations (
        id integer primary key, name text not null, applied_at timestamptz not null default now()
      )`);
    const applied = await appliedIds(tx);
    const unknown = applied.filter((id) => !migrations.some((migration) => migration.id === id));
    if (unknown.length > 0) throw newer(unknown);
    const missing = migrations.filter((migration) => !applied.includes(migration.id));
    for (const { id, name, sql: text } of missing) {
      await tx.execute(sql.raw(text));
      await tx.execute(sql`insert into schema_migrations (id, name) values (${id}, ${name})`);
    }
    return missing.map((migration) => migration.name);
  });
}

async function appliedIds(tx: Db): Promise<readonly number[]> {
  const { rows } = await tx.execute<{ id: number }>(sql`select id from schema_migrations order by id`);
  return rows.map((row) => row.id);
}

function newer(ids: readonly number[]): RunnerError {
  return new RunnerError('store_newer', 'the database was written by a newer release of the control plane', {
    details: { unknownMigrations: ids },
    hint: 'Start the newer release, or restore a copy of the database from before the upgrade.',
  });
}
