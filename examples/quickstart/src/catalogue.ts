import type { Database } from './database.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  /** `typcategory` of PostgreSQL: N numeric, S string, D date, B boolean, … */
  readonly category: string;
  readonly nullable: boolean;
  readonly comment: string | undefined;
}

interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** Schema and name of the table it points to. */
  readonly table: string;
  readonly foreignColumns: readonly string[];
}

type TableKind = 'table' | 'partitioned' | 'view' | 'materializedView' | 'foreign';

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly kind: TableKind;
  readonly comment: string | undefined;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  readonly foreignKeys: readonly ForeignKey[];
  /** SQL of a view. */
  readonly definition: string | undefined;
}

interface Schema {
  readonly name: string;
  readonly comment: string | undefined;
  readonly tables: readonly Table[];
}

export interface Catalogue {
  readonly database: string;
  readonly version: string;
  readonly schemas: readonly Schema[];
}

/** Everything but the server's own schemas. */
const OURS = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`;

const RELATIONS = `
SELECT c.oid::text, n.nspname, c.relname, c.relkind::text, obj_description(c.oid, 'pg_class'),
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND ${OURS}
 ORDER BY n.nspname, c.relname`;

const COLUMNS = `
SELECT a.attrelid::text, a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory::text, NOT a.attnotnull,
       col_description(a.attrelid, a.attnum)
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND ${OURS}
 ORDER BY a.attrelid, a.attnum`;

const KEYS = `
SELECT k.conrelid::text, k.conname, k.contype::text,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.place),
       CASE WHEN k.contype = 'f' THEN fn.nspname || '.' || fc.relname END,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.place)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class fc ON fc.oid = k.confrelid LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
 WHERE k.contype IN ('p', 'f') AND ${OURS}
 ORDER BY k.conrelid, k.conname`;

const SCHEMAS = `
SELECT n.nspname, obj_description(n.oid, 'pg_namespace')
  FROM pg_namespace n
 WHERE ${OURS} AND (n.nspname <> 'public' OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid))
 ORDER BY n.nspname`;

const KINDS: Readonly<Record<string, TableKind>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materializedView',
  f: 'foreign',
};

/** What is in the database, all of one moment: the four queries share a snapshot. */
export async function readCatalogue(database: Database): Promise<Catalogue> {
  await database.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const [about] = await database.rows(`SELECT current_database(), current_setting('server_version')`);
    const columns = byTable(await database.rows(COLUMNS));
    const keys = byTable(await database.rows(KEYS));
    const tables = (await database.rows(RELATIONS)).map((row) => tableOf(row, columns, keys));
    const schemas = (await database.rows(SCHEMAS)).map(([name, comment]) => ({
      name: String(name),
      comment: textOf(comment),
      tables: tables.filter((table) => table.schema === name),
    }));
    return { database: String(about?.[0]), version: String(about?.[1]), schemas };
  } finally {
    await database.rows('ROLLBACK');
  }
}

type Row = readonly unknown[];

function byTable(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const grouped = new Map<string, Row[]>();
  for (const [oid, ...rest] of rows) {
    const group = grouped.get(String(oid));
    if (group === undefined) grouped.set(String(oid), [rest]);
    else group.push(rest);
  }
  return grouped;
}

function tableOf(
  [oid, schema, name, kind, comment, definition]: Row,
  columns: ReadonlyMap<string, readonly Row[]>,
  keys: ReadonlyMap<string, readonly Row[]>,
): Table {
  const own = keys.get(String(oid)) ?? [];
  return {
    schema: String(schema),
    name: String(name),
    kind: KINDS[String(kind)] ?? 'table',
    comment: textOf(comment),
    columns: (columns.get(String(oid)) ?? []).map(([column, type, category, nullable, about]) => ({
      name: String(column),
      type: String(type),
      category: String(category),
      nullable: nullable === true,
      comment: textOf(about),
    })),
    primaryKey: own.filter(([, type]) => type === 'p').flatMap(([, , key]) => textsOf(key)),
    foreignKeys: own
      .filter(([, type]) => type === 'f')
      .map(([keyName, , key, table, foreign]) => ({
        name: String(keyName),
        columns: textsOf(key),
        table: String(table),
        foreignColumns: textsOf(foreign),
      })),
    definition: textOf(definition),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
