import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../src/store/database/migrate.ts';
import { createDatabase } from '../../src/store/database/database.ts';
import { silentLogger } from '@runner/core';
import { until } from '@runner/core/testing';
import type { TestPostgres } from '../support/postgres.ts';
import { clock, query, testPostgres } from '../support/postgres.ts';
import { newRun } from '../support/run-fixtures.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const codes = (results: readonly PromiseSettledResult<unknown>[]): readonly string[] =>
  results.map((result) => (result.status === 'fulfilled' ? 'ok' : (result.reason as { code: string }).code)).sort();

describe('two control planes on one PostgreSQL', () => {
  test('make exactly one run when twenty callers trigger a pipeline at once', async () => {
    const url = await postgres.database();
    await using one = await postgres.store({ url });
    await using two = await postgres.store({ url });
    const entityId = randomUUID();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).runs.create(newRun({ entityId }))),
    );
    expect(codes(results)).toEqual(['ok', ...Array<string>(19).fill('run_in_progress')].sort());
    const [open] = await two.runs.openOfEntity(entityId);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({ details: { runId: open!.record.runId } });
      }
    }
  });

  test('make as many runs as the concurrency allows, and the very same run only once', async () => {
    await using store = await postgres.store();
    const entityId = randomUUID();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => store.runs.create(newRun({ entityId, concurrency: 3 }))),
    );
    expect(codes(results).filter((code) => code === 'ok')).toHaveLength(3);
    const run = newRun();
    const same = await Promise.allSettled(Array.from({ length: 6 }, () => store.runs.create(run)));
    expect(codes(same)).toEqual([...Array<string>(5).fill('already_exists'), 'ok']);
  });

  test('let one of them fire a slot', async () => {
    const url = await postgres.database();
    await using one = await postgres.store({ url });
    await using two = await postgres.store({ url });
    for (let slot = 1; slot <= 10; slot += 1) {
      const taken = await Promise.all([one, two, one, two].map((store) => store.slots.take('pipeline', slot)));
      expect(taken.filter(Boolean)).toHaveLength(1);
    }
  });

  test('remember the newest 200 slots of a pipeline', async () => {
    await using store = await postgres.store();
    for (let slot = 1; slot <= 205; slot += 1) {
      await store.slots.take('busy', slot);
      await store.slots.record('busy', slot, { fired: `run-${slot}` });
    }
    const kept = await store.slots.history('busy', 1_000);
    expect(kept).toHaveLength(200);
    expect(kept[0]).toEqual({ slot: 205, fired: 'run-205' });
    expect(await store.slots.take('busy', 204)).toBe(false);
  });

  test('lose no update of an entity, a status or a run', async () => {
    const url = await postgres.database();
    await using one = await postgres.store({ url });
    await using two = await postgres.store({ url });
    const stores = [one, two];
    const each = (work: (store: typeof one) => Promise<unknown>) =>
      Promise.all(Array.from({ length: 24 }, (_, n) => work(stores[n % 2]!)));
    const entity = { id: randomUUID(), kind: 'app', name: 'a', fqn: 'a', updatedBy: 'x', json: { n: 0 } } as const;
    await one.entities.create(entity);
    await each((store) =>
      store.entities.update('app', entity.id, ({ json }) => ({ json: { n: Number(json['n']) + 1 }, updatedBy: 'x' })),
    );
    expect(await two.entities.byId('app', entity.id)).toMatchObject({ json: { n: 24 }, revision: 25 });

    await each((store) =>
      store.statuses.update('p', 'r', (row) => ({
        status: { n: Number(row?.status['n'] ?? 0) + 1 },
        writtenBy: 'main',
      })),
    );
    expect((await one.statuses.get('p', 'r'))?.status).toEqual({ n: 24 });

    const run = newRun();
    await one.runs.create(run);
    await each((store) =>
      store.runBook.update(run.record.runId, (record) => record && { ...record, priority: record.priority + 1 }),
    );
    expect((await two.runBook.get(run.record.runId))?.priority).toBe(24);
  });

  test('adopt a stray into one row', async () => {
    await using store = await postgres.store();
    const { record } = newRun();
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        store.runBook.update(record.runId, (before) => (before === undefined ? { ...record, priority: n } : undefined)),
      ),
    );
    expect(results.filter(({ before }) => before === undefined)).toHaveLength(1);
  });

  test('agree on one active instance, and its epoch outlives the runner and the process', async () => {
    const url = await postgres.database();
    await using one = await postgres.store({ url });
    await using two = await postgres.store({ url });
    const claim = (replicaId: string) => ({
      agentId: 'berlin',
      instanceId: randomUUID(),
      sessionId: randomUUID(),
      replicaId,
      scopeId: 's',
    });
    const claims = Array.from({ length: 10 }, (_, n) => claim(n % 2 === 0 ? 'one' : 'two'));
    const answers = await Promise.all(
      claims.map((each) => (each.replicaId === 'one' ? one : two).agentBook.claim(each, 60_000)),
    );
    expect(answers.filter((answer) => answer.role === 'active')).toHaveLength(1);
    expect(answers.filter((answer) => answer.role === 'standby')).toHaveLength(9);
    const runner = await one.runners.ensure('berlin');
    expect(runner.active).toBe(true);
    const holder = claims[answers.findIndex((answer) => answer.role === 'active')]!;
    await one.agentBook.release(holder);
    await one.runners.remove(runner.id);
    await using three = await postgres.store({ url });
    expect(await three.agentBook.claim(claim('three'), 60_000)).toEqual({ role: 'active', epoch: 2 });
  });

  test('hear from each other about runs, revocations and logs', async () => {
    const url = await postgres.database();
    await using one = await postgres.store({ url });
    await using two = await postgres.store({ url });
    const heard: string[] = [];
    const hear = (event: unknown): void => void heard.push(JSON.stringify(event));
    two.bus.subscribe(hear, () => undefined);
    two.signals.subscribe(hear, () => undefined);
    const run = newRun({ record: { agentId: 'berlin' } });
    const { runId } = run.record;
    await one.runs.create(run);
    await one.runs.update(runId, ({ record }) => ({ ...record, want: 'cancel' }));
    await one.bus.publish({ kind: 'challenge', agentId: 'berlin' });
    await one.signals.publish({ kind: 'revoked', tokenId: 't' });
    await one.logs.append(runId, 'pulled', { text: 'x\n' });
    const expected = [
      { kind: 'runs', agentId: 'berlin' },
      { kind: 'runs', agentId: 'berlin' },
      { kind: 'challenge', agentId: 'berlin' },
      { kind: 'revoked', tokenId: 't' },
      { kind: 'log', runId },
    ].map((event) => JSON.stringify(event));
    await until('all news arrived', () => heard.length >= expected.length);
    expect(heard).toEqual(expected);
  });

  test('bring one empty database up to date together, and refuse one of a newer release', async () => {
    const url = await postgres.database();
    const databases = Array.from({ length: 4 }, () => createDatabase({ url, clock, logger: silentLogger }));
    const applied = await Promise.all(databases.map((database) => migrate(database)));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    await query(url, `insert into schema_migrations (id, name) values (999, 'from the future')`);
    await expect(migrate(databases[0]!)).rejects.toMatchObject({ code: 'store_newer' });
    await Promise.all(databases.map((database) => database.close()));
  });
});

describe('a listening connection that is cut', () => {
  test('comes back by itself and says that something may have been missed', async () => {
    const url = await postgres.database();
    await using store = await postgres.store({ url });
    const heard: string[] = [];
    let gaps = 0;
    const end = store.bus.subscribe(
      (event) => heard.push(event.agentId),
      () => (gaps += 1),
    );
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'runner-control-plane-listener'`;
    expect(await query(url, cut)).toHaveLength(1);
    await until('the gap was told', () => gaps === 1);
    await store.bus.publish({ kind: 'runs', agentId: 'after the cut' });
    await until('it hears again', () => heard.length > 0);
    expect(heard).toEqual(['after the cut']);
    end();
    await store.bus.publish({ kind: 'runs', agentId: 'nobody listens' });
    expect(heard).toHaveLength(1);
  });
});
