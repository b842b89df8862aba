import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordingLogger, until } from '@runner/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBinaries } from '../../src/store/embedded/binaries.ts';
import { launcherFor } from '../../src/store/embedded/command.ts';
import { freePort } from '../../src/store/embedded/server-process.ts';
import { isServerOf } from '../../src/store/embedded/postmaster-file.ts';
import { userForPostgres } from '../../src/store/embedded/system-user.ts';
import { createStore, startEmbeddedPostgres } from '../../src/store/index.ts';
import { clock, query, random } from '../support/postgres.ts';

async function temporaryFolder() {
  const root = await mkdtemp(join(tmpdir(), 'runner-embedded-'));
  return { path: join(root, 'data'), [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

const start = (folder: string, logger = recordingLogger()) =>
  startEmbeddedPostgres({ folder, clock, random, logger }).then((server) =>
    Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() }),
  );

/** A folder that was started in once, for the tests that need no empty one. */
let used: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  used = await temporaryFolder();
  await (await start(used.path)).stop();
});
afterAll(() => used[Symbol.asyncDispose]());

describe('the embedded PostgreSQL', () => {
  test('keeps its data from start to start, its password to itself, and leaves no process behind', async () => {
    const folder = used;
    const first = await start(folder.path);
    await query(first.url, 'create table if not exists kept (n int)');
    const { pid, url } = first;
    await first.stop();
    expect(await isServerOf(join(folder.path, 'postgres'), pid)).toBe(false);
    await using second = await start(folder.path);
    expect(await query(second.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
    expect(new URL(second.url).password).toBe(new URL(url).password);
    expect(new URL(second.url).hostname).toBe('127.0.0.1');
    expect((await stat(join(folder.path, 'postgres-password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder.path, 'postgres-socket'))).mode & 0o077).toBe(0);
    expect(await readdir(join(folder.path, 'postgres-socket'))).not.toEqual([]);
  });

  test('is refused in words to a second control plane in the same folder', async () => {
    const folder = used;
    await using first = await start(folder.path);
    await expect(start(folder.path)).rejects.toMatchObject({ code: 'data_folder_in_use', retryable: false });
    expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('lets one of two win that start at once in an empty folder', async () => {
    await using folder = await temporaryFolder();
    const results = await Promise.allSettled([start(folder.path), start(folder.path)]);
    const won = results.filter((result) => result.status === 'fulfilled');
    const lost = results.filter((result) => result.status === 'rejected');
    expect(won).toHaveLength(1);
    expect(lost.map(({ reason }) => (reason as { code: string }).code)).toEqual(['data_folder_in_use']);
    expect(await query(won[0]!.value.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await won[0]!.value.stop();
    expect((await readdir(folder.path)).filter((name) => name.startsWith('postgres.new-'))).toEqual([]);
  });

  test('is started again when it is killed, and the store works on', async () => {
    const folder = used;
    const logger = recordingLogger();
    await using server = await start(folder.path, logger);
    const store = await createStore({ url: server.url, clock, random });
    let gaps = 0;
    store.bus.subscribe(
      () => undefined,
      () => (gaps += 1),
    );
    await store.settings.put('kept', { n: 1 });
    const { pid } = server;
    process.kill(pid, 'SIGKILL');
    const failed = await until('a call fails or the server is back', async () =>
      store.settings.get('kept').then(
        () => server.pid !== pid && 'back',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    expect(['back', 'store_unavailable']).toContain(failed);
    await until('it works again', () => store.settings.get('kept').catch(() => undefined));
    await until('it has another process', () => server.pid !== pid);
    expect(await store.settings.get('kept')).toEqual({ n: 1 });
    await until('the gap was told', () => gaps > 0);
    expect(logger.text()).toContain('died and is started again');
    await store.close();
  });

  test('starts over a folder whose server was killed with everything else', async () => {
    const folder = used;
    const first = await start(folder.path);
    await query(first.url, 'create table if not exists crashed (n int)');
    const crashed = await readFile(join(folder.path, 'postgres', 'postmaster.pid'), 'utf8');
    await first.stop();
    // As a host leaves it that lost power: the pid file stands, and its number belongs to another program now.
    const stale = [process.pid, ...crashed.split('\n').slice(1)].join('\n');
    await writeFile(join(folder.path, 'postgres', 'postmaster.pid'), stale);
    await using second = await start(folder.path);
    expect(await query(second.url, 'select * from crashed')).toEqual([]);
  });

  test('stops the server that a killed control plane has left behind', async () => {
    const folder = used;
    const orphan = await leaveOrphan(folder.path);
    const logger = recordingLogger();
    await using server = await start(folder.path, logger);
    expect(await isServerOf(join(folder.path, 'postgres'), orphan)).toBe(false);
    expect(logger.text()).toContain('left behind');
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('ends when the process that started it is killed', async () => {
    const folder = used;
    const script = new URL('../support/embedded-child.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--conditions=@runner/source', script, folder.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(await isServerOf(join(folder.path, 'postgres'), pid)).toBe(true);
    child.kill('SIGKILL');
    // Where the system cannot end it with us, the next start does.
    await using server = await start(folder.path);
    expect(await isServerOf(join(folder.path, 'postgres'), pid)).toBe(false);
    expect(server.pid).not.toBe(pid);
  });

  test('makes its folder from the start when the first time was cut short', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'postgres.new-abc'), { recursive: true });
    await writeFile(join(folder.path, 'postgres.new-abc', 'PG_VERSION'), '18');
    await using server = await start(folder.path);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readdir(folder.path)).not.toContain('postgres.new-abc');
  });

  test('says what PostgreSQL said when it cannot start, and names the version of foreign data', async () => {
    const folder = used;
    const conf = join(folder.path, 'postgres', 'postgresql.conf');
    const version = join(folder.path, 'postgres', 'PG_VERSION');
    const good = await readFile(conf, 'utf8');
    await writeFile(conf, `${good}\nno_such_setting = 1\n`);
    await expect(start(folder.path)).rejects.toMatchObject({
      code: 'embedded_postgres_failed',
      details: { output: expect.stringContaining('no_such_setting') as string },
    });
    await writeFile(conf, good);
    await writeFile(version, '12\n');
    await expect(start(folder.path)).rejects.toMatchObject({
      code: 'embedded_postgres_failed',
      details: { found: '12', needed: '18' },
    });
    await writeFile(version, '18\n');
  });

  test('works where a unix socket has no room in the path', async () => {
    await using folder = await temporaryFolder();
    const long = join(folder.path, 'a'.repeat(60), 'b'.repeat(60));
    await using server = await start(long);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readdir(join(long, 'postgres-socket'))).toEqual([]);
  });
});

/** A server of this folder that nobody owns. */
async function leaveOrphan(folder: string): Promise<number> {
  const { postgres } = await findBinaries();
  const data = join(folder, 'postgres');
  const launch = await launcherFor(await userForPostgres(recordingLogger()), [postgres, data]);
  const child = launch(
    postgres,
    ['-D', data, '-c', `port=${await freePort()}`, '-c', 'unix_socket_directories='],
    folder,
  );
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('ready to accept connections')) resolve();
    });
  });
  return child.pid!;
}
