import { isRunnerError } from '@runner/core';
import type { Column, Table } from './catalogue.ts';
import type { Database } from './database.ts';

interface ColumnProfile {
  readonly name: string;
  /** Part of the rows without a value, 0 to 1; 0 for an empty table. */
  readonly nullShare: number;
  readonly distinct: number;
  /** Only for types with an order that means something; texts are cut. */
  readonly min?: string;
  readonly max?: string;
}

export interface TableProfile {
  readonly rows: number;
  /** True when as many rows as allowed were looked at: the table may have more. */
  readonly sampled: boolean;
  readonly columns: readonly ColumnProfile[];
}

export interface ProfileOptions {
  /** Rows looked at for each table. Default 100,000. */
  readonly sampleRows?: number;
}

/** A select list may have 1,664 entries; each column needs up to four. */
const COLUMNS_PER_QUERY = 200;
const LONGEST_TEXT = 64;
const ORDERED: ReadonlySet<string> = new Set(['N', 'D', 'S', 'T', 'E']);

export function isProfiled(table: Table): boolean {
  return table.kind === 'table' || table.kind === 'partitioned' || table.kind === 'materializedView';
}

/** Counts and extremes of each column, in one pass over at most so many rows. */
export async function profileTable(
  database: Database,
  table: Table,
  { sampleRows = 100_000 }: ProfileOptions = {},
): Promise<TableProfile> {
  const columns: ColumnProfile[] = [];
  let rows = 0;
  for (let from = 0; from === 0 || from < table.columns.length; from += COLUMNS_PER_QUERY) {
    const some = table.columns.slice(from, from + COLUMNS_PER_QUERY);
    const values = await aggregates(database, table, some, sampleRows);
    rows = Number(values.shift());
    for (const column of some) columns.push(columnProfile(column, values, rows));
  }
  return { rows, sampled: rows >= sampleRows, columns };
}

const NO_SUCH_FUNCTION = '42883';

async function aggregates(
  database: Database,
  table: Table,
  columns: readonly Column[],
  limit: number,
): Promise<unknown[]> {
  try {
    return [...((await database.rows(profileQuery(table, columns, limit)))[0] ?? [])];
  } catch (error) {
    if (!isRunnerError(error) || error.details['code'] !== NO_SUCH_FUNCTION) throw error;
    // A type of somebody's own without min or equality: its text has both.
    const asText = columns.map((column) => ({ ...column, category: column.category === 'B' ? 'B' : 'U' }));
    const [counts] = await database.rows(profileQuery(table, asText, limit));
    const values = [...(counts ?? [])];
    return [
      values.shift(),
      ...columns.flatMap(({ category }) => {
        const both = [values.shift(), values.shift()];
        return ORDERED.has(category) ? [...both, null, null] : both;
      }),
    ];
  }
}

/** Pure; identifiers are quoted and nothing else of the database gets into the text. */
export function profileQuery(table: Table, columns: readonly Column[], limit: number): string {
  const asked = columns.flatMap((column) => {
    const name = quoted(column.name);
    const comparable = ORDERED.has(column.category) || column.category === 'B' ? name : `${name}::text`;
    const counts = [`count(${name})`, `count(DISTINCT ${comparable})`];
    if (!ORDERED.has(column.category)) return counts;
    return [...counts, `left(min(${name})::text, ${LONGEST_TEXT})`, `left(max(${name})::text, ${LONGEST_TEXT})`];
  });
  const list = columns.map((column) => quoted(column.name)).join(', ');
  return `SELECT ${['count(*)', ...asked].join(', ')} FROM (SELECT ${list} FROM ${nameOf(table)} LIMIT ${limit}) AS sample`;
}

function columnProfile({ name, category }: Column, values: unknown[], rows: number): ColumnProfile {
  const present = Number(values.shift());
  const distinct = Number(values.shift());
  const nullShare = rows === 0 ? 0 : (rows - present) / rows;
  if (!ORDERED.has(category)) return { name, nullShare, distinct };
  const [min, max] = [values.shift(), values.shift()];
  return {
    name,
    nullShare,
    distinct,
    ...(typeof min === 'string' ? { min } : {}),
    ...(typeof max === 'string' ? { max } : {}),
  };
}

function nameOf({ schema, name }: Table): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
