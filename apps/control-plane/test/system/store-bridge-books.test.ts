import { randomUUID } from 'node:crypto';
import { testClock, until } from '@runner/core/testing';
import type { RunRecord } from '@runner/protocol/server';
import { agentBookContract, busContract, runBookContract } from '@runner/protocol/testing';
import { afterAll, beforeAll } from 'vitest';
import type { PostgresStore } from '../../src/store/index.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { clock, query, testPostgres } from '../support/postgres.ts';
import { newRun } from '../support/run-fixtures.ts';

/** Two stores on one database, as two control-plane processes have them. Every case begins with empty tables. */
let postgres: TestPostgres;
let url: string;
let one: PostgresStore;
let two: PostgresStore;
let time = testClock();

beforeAll(async () => {
  postgres = await testPostgres();
  url = await postgres.database();
  const options = { url, leaseNow: () => time.now() };
  one = await postgres.store({ ...options, clock: { ...clock, now: () => time.now() } });
  two = await postgres.store(options);
});
afterAll(async () => {
  await one.close();
  await two.close();
  await postgres[Symbol.asyncDispose]();
});

async function empty() {
  time = testClock();
  await query(url, 'truncate runs, agents, runners cascade');
  return { [Symbol.asyncDispose]: () => Promise.resolve() };
}

const putRun = (record: Partial<RunRecord>) => one.runs.create(newRun({ record, concurrency: 1_000 }));

runBookContract('PostgreSQL', async () => ({
  ...(await empty()),
  book: one.runBook,
  now: () => time.now(),
  put: async (record, start) => {
    await one.runs.create({ ...newRun({ concurrency: 1_000 }), record, start });
  },
}));

agentBookContract('PostgreSQL', async () => ({
  ...(await empty()),
  book: one.agentBook,
  another: two.agentBook,
  elapse: (ms) => time.advance(ms),
  openRun: async (agentId, scopeId) => {
    const accepted = scopeId === undefined ? {} : { accepted: true, scopeId, state: 'running' as const };
    const { record } = await putRun({ agentId, offered: true, ...accepted });
    return async () => {
      await one.runBook.update(record.runId, (row) => row && { ...row, state: 'failed', endedAt: time.now() });
    };
  },
  releaseScope: async (agentId) => {
    await one.runners.ensure(agentId);
    await two.runners.releaseScope(agentId);
  },
}));

busContract('LISTEN and NOTIFY', async () => ({
  ...(await empty()),
  bus: one.bus,
  another: two.bus,
  interrupt: async () => {
    const name = `interrupted ${randomUUID()}`;
    const heard: string[] = [];
    const end = one.bus.subscribe(
      (event) => heard.push(event.agentId),
      () => heard.push('gap'),
    );
    await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'runner-control-plane-listener'`,
    );
    await until('both listen again', async () => {
      await two.bus.publish({ kind: 'runs', agentId: name });
      return heard.includes('gap') && heard.includes(name);
    });
    end();
  },
}));
