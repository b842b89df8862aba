import { randomUUID } from 'node:crypto';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@runner/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPostmasterFile, isServerOf } from '../../src/store/embedded/postmaster-file.ts';
import { freePort } from '../../src/store/embedded/server-process.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { testPostgres } from '../support/postgres.ts';
import { startProcess } from '../support/process.ts';
import { scriptedAgent } from '../support/scripted-agent.ts';

let postgres: TestPostgres;
let folder: string;
beforeAll(async () => {
  postgres = await testPostgres();
  folder = await mkdtemp(join(tmpdir(), 'runner-process-'));
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const newFolder = (): string => join(folder, randomUUID());

async function get(url: string, token?: string): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const token = async (dataDir: string): Promise<string> => (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();

describe('the process of the control plane', () => {
  test('says every problem of its environment and ends with 78', async () => {
    await using process = startProcess({ DATA_DIR: newFolder(), PORT: 'http', LOG_LEVEL: 'loud' });
    expect(await process.ended).toBe(78);
    expect(process.output().trim().split('\n')).toEqual([
      'PORT is "http": use a whole number from 0 to 65535',
      'LOG_LEVEL is "loud": use one of debug, info, warn, error',
    ]);
  });

  test('serves with a PostgreSQL of its own, keeps everything over a SIGKILL, and leaves nothing behind', async () => {
    const dataDir = newFolder();
    const env = { DATA_DIR: dataDir, PORT: '0' };
    const first = startProcess(env);
    const url = await first.ready();
    expect(await get(`${url}/readyz`)).toMatchObject({ status: 200 });
    expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
    const admin = await token(dataDir);
    const listed = await get(`${url}/api/v1/ingestionRunners`, admin);
    expect(listed.status).toBe(200);
    expect(listed.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await get(`${url}/api/v1/ingestionRunners`)).status).toBe(401);
    expect(first.output()).not.toContain(admin);

    await using rival = startProcess(env);
    expect(await rival.ended).toBe(1);
    expect(rival.output()).toContain('data_folder_in_use');
    expect(await get(`${url}/readyz`)).toMatchObject({ status: 200 });

    first.child.kill('SIGKILL');
    await first.ended;
    const second = startProcess(env);
    const again = await second.ready();
    expect((await get(`${again}/api/v1/ingestionRunners`, admin)).body).toEqual(
      JSON.parse(JSON.stringify(listed.body).replaceAll(url, again)),
    );
    expect(await token(dataDir)).toBe(admin);
    const server = await readPostmasterFile(join(dataDir, 'postgres'));
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(await isServerOf(join(dataDir, 'postgres'), server!.pid)).toBe(false);
    await expect(access(join(dataDir, 'address.json'))).rejects.toThrow();
  });

  test('tells agents to come back when it stops, and takes them up again', async () => {
    const env = { DATA_DIR: newFolder(), PORT: '0', DATABASE_URL: await postgres.database() };
    const first = startProcess(env);
    const url = await first.ready();
    const created = await fetch(`${url}/api/v1/ingestionRunners`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await token(env.DATA_DIR)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'berlin' }),
    });
    expect(created.status).toBe(201);
    const { token: agentToken } = (await created.json()) as { token: string };
    await using agent = scriptedAgent({ url, token: agentToken, agentId: 'berlin' });
    await until('it is connected', () => agent.connection.session);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect((await until('it was told', () => agent.ends[0])).code).toBe(1001);
    await using second = startProcess({ ...env, PORT: new URL(url).port });
    await second.ready();
    const session = await until('it is connected again', () => agent.connection.session);
    expect(session).toMatchObject({ role: 'active', epoch: 2 });
  });

  test('says in words that its database or its port cannot be had', async () => {
    const away = { DATA_DIR: newFolder(), PORT: '0', DATABASE_URL: 'postgres://u:not-a-real-secret@127.0.0.1:1/x' };
    await using process = startProcess(away);
    expect(await process.ended).toBe(1);
    expect(process.output()).toContain('store_unavailable');
    expect(process.output()).not.toContain('not-a-real-secret');

    const port = new URL(postgres.server.url).port;
    await using other = startProcess({ DATA_DIR: newFolder(), PORT: port });
    expect(await other.ended).toBe(1);
    expect(other.output()).toContain(`cannot listen on 127.0.0.1 port ${port}`);
    expect(other.output()).toContain('Another program uses this port');
  });

  test('answers that it is starting until it serves', async () => {
    const dataDir = newFolder();
    // A port that is known before the process says it.
    const port = await freePort();
    const env = { DATA_DIR: dataDir, PORT: String(port), DATABASE_URL: await postgres.database() };
    await using process = startProcess(env);
    const early = await until('it listens', () => get(`http://127.0.0.1:${port}/readyz`).catch(() => undefined));
    if (!process.output().includes('is ready'))
      expect(early).toMatchObject({ status: 503, body: { code: 'starting' } });
    await process.ready();
    expect(await get(`http://127.0.0.1:${port}/readyz`)).toMatchObject({ status: 200 });
  });
});
