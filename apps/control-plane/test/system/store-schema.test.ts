import { is } from 'drizzle-orm';
import { PgTable, getTableConfig } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
import * as schema from '../../src/store/database/schema.ts';
import { query, testPostgres } from '../support/postgres.ts';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly generated: boolean;
}

const UDT: Readonly<Record<string, string>> = { integer: 'int4', bigint: 'int8', boolean: 'bool' };

/** Tables as queries see them. A generated column is as required as what it is computed from, which queries do not know. */
function tablesOfQueries(): Readonly<Record<string, readonly Column[]>> {
  const tables = Object.values(schema as Record<string, unknown>).filter((value) => is(value, PgTable));
  return Object.fromEntries(
    tables.map((table) => {
      const { name, columns } = getTableConfig(table);
      const described = columns.map((column) => ({
        name: column.name,
        type: UDT[column.getSQLType()] ?? column.getSQLType(),
        required: column.generated === undefined && column.notNull,
        generated: column.generated !== undefined,
      }));
      return [name, described.sort(byName)];
    }),
  );
}

const byName = (a: Column, b: Column): number => (a.name < b.name ? -1 : 1);

test('the tables that queries see are the tables that the migrations make', async () => {
  await using postgres = await testPostgres();
  const url = await postgres.database();
  await (await postgres.store({ url })).close();
  const expected = tablesOfQueries();
  const rows = await query(
    url,
    `select table_name, column_name as name, udt_name as type, is_generated = 'ALWAYS' as generated,
       is_generated <> 'ALWAYS' and is_nullable = 'NO' as required
     from information_schema.columns where table_schema = 'public' and table_name <> 'schema_migrations'`,
  );
  const found: Record<string, Column[]> = {};
  for (const { table_name, ...column } of rows as (Column & { table_name: string })[]) {
    (found[table_name] ??= []).push(column);
  }
  for (const columns of Object.values(found)) columns.sort(byName);
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  // `seq` counts by itself: queries never give it a value, so they need not know that it is required.
  const relaxed = (columns: readonly Column[]) =>
    columns.map((column) => (column.name === 'seq' ? { ...column, required: false } : column));
  for (const [name, columns] of Object.entries(expected)) expect(relaxed(found[name]!)).toEqual(relaxed(columns));
});
