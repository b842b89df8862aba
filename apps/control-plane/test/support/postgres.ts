import { systemClock, systemRandom } from '@runner/core';
import type { Logger } from '@runner/core';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { EmbeddedPostgres, PostgresStore, StoreOptions } from '../../src/store/index.ts';
import { createStore, startEmbeddedPostgres } from '../../src/store/index.ts';

export const clock = systemClock({ keepAlive: true });
export const random = systemRandom();

/** A real PostgreSQL in a temporary folder, and as many empty databases in it as a test file wants. */
export interface TestPostgres extends AsyncDisposable {
  readonly server: EmbeddedPostgres;
  readonly folder: string;
  /** URL of a new, empty database. */
  database(): Promise<string>;
  /** A store on a new database, or on `url`. */
  store(options?: Partial<StoreOptions>): Promise<PostgresStore & AsyncDisposable>;
}

export async function testPostgres(logger?: Logger): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'runner-store-'));
  const server = await startEmbeddedPostgres({ folder, clock, random, ...(logger === undefined ? {} : { logger }) });
  const database = async (): Promise<string> => {
    const name = `test_${randomBytes(6).toString('hex')}`;
    await query(server.url, `create database ${name}`);
    return Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  };
  return {
    server,
    folder,
    database,
    store: async (options = {}) => {
      const store = await createStore({
        url: options.url ?? (await database()),
        clock,
        random,
        poolSize: 5,
        ...options,
      });
      return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One statement on a connection of its own. */
export async function query(url: string, text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
