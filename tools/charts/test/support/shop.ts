import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock, systemRandom } from '@runner/core';
import { startEmbeddedPostgres } from '@runner/control-plane/embedded-postgres';
import { forwardTo } from '@runner/e2e';
import pg from 'pg';

const SCHEMA = fileURLToPath(new URL('../../../../examples/quickstart/demo-schema.sql', import.meta.url));

/** A PostgreSQL that pods reach. */
export interface Database extends AsyncDisposable {
  /** As pods reach it. */
  readonly url: URL;
}

/** Empty, on this machine, at an address for pods. */
export async function databaseFor(host: string): Promise<Database> {
  const root = await mkdtemp(join(tmpdir(), 'runner-charts-'));
  const server = await startEmbeddedPostgres({
    folder: join(root, 'postgres'),
    clock: systemClock(),
    random: systemRandom(),
  });
  const url = new URL(server.url);
  const forward = await forwardTo(Number(url.port), host);
  url.host = `${host}:${forward.port}`;
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      await forward[Symbol.asyncDispose]();
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The shop of the quickstart in it. */
export async function loadShop(database: Database): Promise<void> {
  const client = new pg.Client({ connectionString: database.url.href });
  await client.connect();
  try {
    await client.query(await readFile(SCHEMA, 'utf8'));
  } finally {
    await client.end();
  }
}

/** Connection of a service to it, the password a reference. */
export function connectionTo({ url }: Database, reference: string): object {
  return {
    type: 'Postgres',
    scheme: 'postgresql+psycopg2',
    username: decodeURIComponent(url.username),
    authType: { password: reference },
    hostPort: url.host,
    database: url.pathname.slice(1),
  };
}
