import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import type { Place } from './leak-search.ts';

const { escapeIdentifier } = pg;

/** A session with the database of a control plane, past the control plane. */
export async function databaseOf(dataDir: string): Promise<pg.Client> {
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim();
  const port = Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[3]);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'runner', password, database: 'control_plane' });
  await client.connect();
  return client;
}

/** Every row of every table that is not PostgreSQL's own, as text; bytes also unpacked. */
export async function storedRows(dataDir: string): Promise<readonly Place[]> {
  const client = await databaseOf(dataDir);
  try {
    const { rows: tables } = await client.query<{ schema: string; name: string }>(
      `SELECT schemaname AS schema, tablename AS name FROM pg_tables
        WHERE schemaname <> 'information_schema' AND schemaname !~ '^pg_' ORDER BY 1, 2`,
    );
    const places: Place[] = [];
    for (const { schema, name } of tables) {
      const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
      const { rows } = await client.query<Record<string, unknown>>(`SELECT t::text AS whole_row, t.* FROM ${table} t`);
      for (const row of rows) places.push(...placesOf(`store: ${schema}.${name}`, row));
    }
    return places;
  } finally {
    await client.end();
  }
}

function placesOf(name: string, row: Record<string, unknown>): readonly Place[] {
  const { whole_row: whole, ...columns } = row;
  const bytes = Object.values(columns).filter((value) => Buffer.isBuffer(value));
  return [
    { name, content: String(whole) },
    ...Object.values(columns).flatMap((value) => (typeof value === 'string' ? [{ name, content: value }] : [])),
    ...Object.values(columns).flatMap((value) =>
      typeof value === 'object' && value !== null && !Buffer.isBuffer(value)
        ? [{ name, content: JSON.stringify(value) }]
        : [],
    ),
    ...bytes.flatMap((value) => [{ name, content: value }, ...unpacked(name, value)]),
  ];
}

function unpacked(name: string, value: Buffer): readonly Place[] {
  return value[0] === 0x1f && value[1] === 0x8b ? [{ name: `${name} (unpacked)`, content: gunzipSync(value) }] : [];
}

/** Every file below a folder, as it is. What is not allowed to be looked at does not exist here. */
export async function filesIn(
  what: string,
  folder: string,
  isLeftOut: (path: string) => boolean,
): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || isLeftOut(path)) continue;
    // One may go while the others are read.
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    places.push({ name: `${what}: ${relative(folder, path)}`, content });
  }
  return places;
}
