import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const VERSION = '5.2.5';
/** An environment of its own: that of the secrets' tests may be in the making at the same time. */
const HOME = fileURLToPath(new URL(`../../../node_modules/.cache/moto-ecr/${VERSION}`, import.meta.url));
const READY_WITHIN_MS = 30_000;

/** What is missing to run moto on this machine; undefined when nothing is. */
export async function missingForMoto(): Promise<string | undefined> {
  return await run('python3', ['-c', 'import venv, ensurepip']).then(
    () => undefined,
    () => 'python3 with venv is not installed',
  );
}

/** Amazon ECR on this machine. Installs moto once, into the cache of node_modules. */
export async function startMoto(): Promise<{ readonly url: string } & AsyncDisposable> {
  await install();
  const port = await freePort();
  const server = spawn(join(HOME, 'bin', 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const end = async (): Promise<void> => {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  };
  await ready(url, server).catch(async (error: unknown) => {
    if (server.exitCode === null) await end();
    throw error;
  });
  return { url, [Symbol.asyncDispose]: end };
}

async function install(): Promise<void> {
  const complete = join(HOME, 'complete');
  if (
    await access(complete).then(
      () => true,
      () => false,
    )
  )
    return;
  await rm(HOME, { recursive: true, force: true });
  await mkdir(HOME, { recursive: true });
  await run('python3', ['-m', 'venv', HOME]);
  const packages = [`moto==${VERSION}`, 'flask', 'flask-cors'];
  await run(join(HOME, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages]);
  await mkdir(join(HOME, 'done'));
  // Last of all, so that an installation that was broken off is made again.
  await rename(join(HOME, 'done'), complete);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function ready(url: string, server: ChildProcess): Promise<void> {
  const until = performance.now() + READY_WITHIN_MS;
  while (performance.now() < until && server.exitCode === null) {
    const answer = await fetch(`${url}/moto-api/data.json`).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('moto did not become ready');
}
