import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { createLogger } from '@runner/core';
import { recordingLogger, until } from '@runner/core/testing';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase } from '../../src/store/database/database.ts';
import { createStore } from '../../src/store/index.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { clock, query, random, testPostgres } from '../support/postgres.ts';
import { newRun } from '../support/run-fixtures.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const quiet = createLogger(() => undefined);

describe('a database that fails', () => {
  test('is store_unavailable, retryable and without a credential, when nobody listens at its address', async () => {
    const url = 'postgres://runner:not-a-real-secret@127.0.0.1:1/none';
    const failure: unknown = await createStore({ url, clock, random }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'store_unavailable', retryable: true });
    expect(inspect(failure, { depth: 9 })).not.toContain('not-a-real-secret');
  });

  test('refuses a wrong password in the same way', async () => {
    const url = Object.assign(new URL(await postgres.database()), { password: 'wrong' }).href;
    await expect(createStore({ url, clock, random })).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('breaks the connections, and calls work again on new ones; the process lives', async () => {
    const url = await postgres.database();
    const logger = recordingLogger();
    await using store = await postgres.store({ url, logger });
    await Promise.all(Array.from({ length: 5 }, () => store.settings.get('x')));
    await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await until('the pool noticed', () => logger.text().includes('an idle database connection broke'));
    await until('all calls work again', () =>
      Promise.all(Array.from({ length: 5 }, () => store.settings.get('x'))).then(
        () => true,
        () => undefined,
      ),
    );
  });

  test('breaks a connection in the middle of a transaction: that call fails, the process lives', async () => {
    const url = await postgres.database();
    const database = createDatabase({ url, clock, logger: quiet });
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    const interrupted = database.transaction(async (tx) => {
      await tx.execute(sql`select 1`);
      await query(url, cut);
      // Long enough for the end of the connection to be noticed while no query is under way.
      await clock.sleep(100);
      await tx.execute(sql`select 2`);
    });
    await expect(interrupted).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    await expect(database.transaction((tx) => tx.execute(sql`select 3`))).resolves.toBeDefined();
    await database.close();
  });

  test('ends a statement that takes too long', async () => {
    const database = createDatabase({ url: await postgres.database(), clock, logger: quiet, statementTimeoutMs: 100 });
    await expect(database.use((db) => db.execute(sql`select pg_sleep(30)`))).rejects.toMatchObject({
      code: 'store_unavailable',
      retryable: true,
      details: { sqlState: '57014' },
    });
    await expect(database.use((db) => db.execute(sql`select 1`))).resolves.toBeDefined();
    await database.close();
  });

  test('does a transaction again that met another one', async () => {
    const url = await postgres.database();
    await query(url, 'create table pair (id int primary key, n int)');
    await query(url, 'insert into pair values (1, 0), (2, 0)');
    const database = createDatabase({ url, clock, logger: quiet });
    let started = 0;
    let open: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (open = resolve));
    const crossing = (first: number, second: number) =>
      database.transaction(async (tx) => {
        await tx.execute(sql`update pair set n = n + 1 where id = ${first}`);
        started += 1;
        if (started >= 2) open();
        await both;
        await tx.execute(sql`update pair set n = n + 1 where id = ${second}`);
      });
    await Promise.all([crossing(1, 2), crossing(2, 1)]);
    expect(started).toBeGreaterThan(2);
    expect(await query(url, 'select n from pair')).toEqual([{ n: 2 }, { n: 2 }]);
    await database.close();
  });

  test('does nothing by halves: a change that throws leaves the row, and the error comes through as it is', async () => {
    await using store = await postgres.store();
    const run = newRun();
    await store.runs.create(run);
    const thrown = new TypeError('from the caller');
    const update = store.runs.update(run.record.runId, () => {
      throw thrown;
    });
    await expect(update).rejects.toBe(thrown);
    expect((await store.runs.get(run.record.runId))?.record).toEqual(run.record);
  });

  test('tells nothing of a value that it cannot store', async () => {
    await using store = await postgres.store();
    const json = { password: 'not-a-real-secret' };
    const entity = { id: 'a\0b', kind: 'app', name: 'n', fqn: randomUUID(), updatedBy: 'x', json } as const;
    const failure: unknown = await store.entities.create(entity).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'value_not_storable', retryable: false });
    expect(inspect(failure, { depth: 9 })).not.toContain('not-a-real-secret');
  });
});

describe('JSON of a workload', () => {
  test('may hold what PostgreSQL has no text for, and keys that mean something to JavaScript', async () => {
    await using store = await postgres.store();
    const hostile = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": 1, "error": "a\\u0000b \\ud800 \\\\u0000"}',
    ) as object;
    await store.settings.put('hostile', { hostile, big: 1e21, nested: [[{ deep: [null] }]] });
    const stored = (await store.settings.get('hostile'))!;
    expect(JSON.stringify(stored['hostile'])).toBe(
      '{"error":"a\uFFFDb \uFFFD \\\\u0000","__proto__":{"polluted":true},"constructor":1}',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(stored['nested']).toEqual([[{ deep: [null] }]]);
  });

  test('may be as large as a frame allows', async () => {
    await using store = await postgres.store();
    const config = { text: 'ü'.repeat(60_000), list: Array.from({ length: 5_000 }, (_, n) => ({ n })) };
    const run = newRun();
    await store.runs.create({ ...run, start: { ...run.start, config } });
    expect((await store.runBook.start(run.record.runId))?.config).toEqual(config);
  });
});
