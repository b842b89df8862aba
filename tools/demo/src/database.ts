import { randomBytes, createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '@runner/core';
import { RunnerError, isRunnerError } from '@runner/core';
import { startEmbeddedPostgres } from '@runner/control-plane/embedded-postgres';
import pg from 'pg';
import type { DemoFolder } from './folder.ts';
import { REPOSITORY, writeSecret } from './folder.ts';

export interface DemoDatabase {
  readonly port: number;
  readonly user: string;
  readonly name: string;
  readonly stop: () => Promise<void>;
}

/** The id behind `secret:` for the password of the reader. */
export const SECRET_ID = 'demo-db-password';

const NAME = 'shop';
const READER = 'demo_reader';

/**
 * A real PostgreSQL with the shop in it. Kept between starts; loaded again when the schema file has changed. The reader
 * gets a new password each time, which is stored as a file secret and nowhere else.
 */
export async function startDatabase(
  folder: DemoFolder,
  parts: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): Promise<DemoDatabase> {
  const server = await startEmbeddedPostgres({ folder: folder.database, database: NAME, ...parts }).catch(
    (error: unknown) => {
      if (!isRunnerError(error, 'data_folder_in_use')) throw error;
      throw new RunnerError('demo_in_use', `a demo is running in ${folder.root} already`, {
        cause: error,
        hint: 'stop it with Ctrl-C, or set DEMO_DIR to another folder',
      });
    },
  );
  try {
    const url = new URL(server.url);
    const schema = await readFile(join(REPOSITORY, 'examples/quickstart/demo-schema.sql'), 'utf8');
    await loadOnce(url, schema);
    const password = randomBytes(18).toString('base64url');
    await withClient(url, NAME, async (client) => {
      await client.query(`ALTER ROLE ${READER} PASSWORD ${client.escapeLiteral(password)}`);
    });
    await writeSecret(join(folder.secrets, SECRET_ID), password);
    return { port: Number(url.port), user: READER, name: NAME, stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Loads the shop unless it stands there as this very file makes it. The mark is set last, within the same transaction. */
async function loadOnce(url: URL, schema: string): Promise<void> {
  const mark = createHash('sha256').update(schema).digest('hex').slice(0, 16);
  const standing = await withClient(url, NAME, async (client) => {
    const { rows } = await client.query<{ mark: string | null }>(
      `SELECT shobj_description(oid, 'pg_database') AS mark FROM pg_database WHERE datname = current_database()`,
    );
    return rows[0]?.mark ?? undefined;
  });
  if (standing === mark) return;
  await withClient(url, 'postgres', async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${NAME}`);
  });
  await withClient(url, NAME, async (client) => {
    await client.query(`BEGIN; ${schema}; COMMENT ON DATABASE ${NAME} IS '${mark}'; COMMIT`);
  });
}

async function withClient<T>(url: URL, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const target = new URL(url);
  target.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: target.href, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
