import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, Json } from '../../src/client.ts';
import { createClient, objectIn, textIn } from '../../src/client.ts';
import { eventually } from '../support/condition.ts';
import { startDemo } from '../support/demo.ts';
import { processesOf } from '../support/process-table.ts';

/** One folder for all: the demo runs again at will, whatever the last one left, and making databases takes its time. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const isQuiet = (withinMs?: number): Promise<void> =>
  eventually('no process is left', async () => (await processesOf(folder)).length === 0, withinMs);

async function everythingIn(place: string): Promise<string> {
  const files = await readdir(place, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile() && !/\/(postgres|secrets)(\/|$)/.test(file.parentPath))
    .map((file) => readFile(join(file.parentPath, file.name), 'utf8'));
  return (await Promise.all(texts)).join('\n');
}

/** A test of the demo's connection with this password, once it has its answer. */
async function testedConnection(client: Client, password: string): Promise<Json> {
  const service = await client.call('GET', 'services/databaseServices/name/demo_shop');
  const config = objectIn(objectIn(service['connection'])['config']);
  const workflow = await client.call('POST', 'automations/workflows', {
    name: `test of ${password.slice('secret:'.length)}`,
    workflowType: 'TEST_CONNECTION',
    request: {
      connection: { config: { ...config, authType: { password } } },
      serviceType: 'Database',
      connectionType: 'Postgres',
      ingestionRunner: 'demo-runner',
    },
  });
  const id = textIn(workflow['id']) ?? '';
  await client.call('POST', `automations/workflows/trigger/${id}`);
  let seen: Json = {};
  await eventually('the test of the connection has an answer', async () => {
    seen = await client.call('GET', `automations/workflows/${id}`);
    return seen['status'] === 'Successful' || seen['status'] === 'Failed';
  });
  return seen;
}

/** Makes the workload wait for ever at one of the last tables. */
async function lockATable(place: string) {
  const password = (await readFile(join(place, 'postgres-password'), 'utf8')).trim();
  const port = Number((await readFile(join(place, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[3]);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'runner', password, database: 'shop' });
  // The database ends before this session does.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('BEGIN; LOCK TABLE people.departments IN ACCESS EXCLUSIVE MODE');
  return {
    isWaitedFor: async (): Promise<boolean> =>
      (await client.query('SELECT FROM pg_locks WHERE NOT granted')).rowCount !== 0,
    [Symbol.asyncDispose]: () => client.end(),
  };
}

describe('npm start', () => {
  it('catalogues a real database through control plane and agent, again and again, and leaves nothing behind', async () => {
    for (const round of ['first', 'again']) {
      await using demo = startDemo(folder, '--once');
      expect(await demo.ended, `${round}:\n${demo.output()}`).toBe(0);
      expect(demo.output()).toMatch(/│ tables +│ +16 │/);
      expect(demo.output()).toMatch(/│ rows profiled +│ +62,209 │/);
      expect(demo.output()).toContain('Profiled sales.reviews');
      await isQuiet();
    }

    const password = await readFile(join(folder, 'secrets', 'demo-db-password'), 'utf8');
    expect(password).toMatch(/^[\w-]{24}$/);
    expect(await everythingIn(folder)).not.toContain(password);
  });

  it('stays with --keep until Ctrl-C, tests connections meanwhile, and tells a second one that it is there', async () => {
    await using demo = startDemo(folder, '--keep');
    await demo.says('Ctrl-C ends everything.');
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.output())?.[0] ?? '';
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    expect((await processesOf(folder)).length).toBeGreaterThan(4);
    const token = (await readFile(join(folder, 'control-plane', 'admin-token'), 'utf8')).trim();
    const client = createClient(url, token);
    expect(await testedConnection(client, 'secret:demo-db-password')).toMatchObject({ status: 'Successful' });
    const failed = await testedConnection(client, 'secret:nosuch');
    expect(failed['status']).toBe('Failed');
    expect(JSON.stringify(failed['response'])).toContain('there is no file for the secret');

    await using second = startDemo(folder, '--once');
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`a demo is running in ${folder} already`);

    demo.signal('SIGINT');
    expect(await demo.ended).toBe(0);
    await isQuiet();
  });

  it('ends everything on Ctrl-C in the middle of a run, the workload too', async () => {
    await using demo = startDemo(folder, '--keep');
    await demo.says('Starting the control plane');
    await using lock = await lockATable(join(folder, 'shop'));
    await eventually('the workload waits at the locked table', lock.isWaitedFor, 100_000);
    demo.signal('SIGINT');
    expect(await demo.ended).toBe(130);
    // Left to itself, the workload would notice that everything is gone, and take longer than this.
    await isQuiet(2_000);
  });

  it('works again after it was killed', async () => {
    await using killed = startDemo(folder, '--keep');
    await killed.says('Triggered run');
    killed.signal('SIGKILL');
    expect(await killed.ended).toBe('SIGKILL');

    await using demo = startDemo(folder, '--once');
    expect(await demo.ended, demo.output()).toBe(0);
    expect(demo.output()).toContain('that a killed demo left behind');
    await isQuiet();
  });

  it('says why when it does not work', async () => {
    await using first = startDemo(folder, '--keep');
    await first.says('Starting the agent');
    first.signal('SIGTERM');
    expect(await first.ended).toBe(143);
    await rm(join(folder, 'control-plane', 'admin-token'));

    await using demo = startDemo(folder, '--once');
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toContain('It did not work: the admin token in');
    expect(demo.output()).toContain('What helps: ');
    await isQuiet();
  });
});
