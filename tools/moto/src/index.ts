import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const VERSION = '5.2.5';
const READY_WITHIN_MS = 30_000;

export interface MotoOptions {
  /** Folder into which it is installed once. Nobody else may be installing there at the same time. */
  readonly cache: string;
  /** Services that need more than moto itself. */
  readonly extras?: readonly string[];
}

export interface Moto extends AsyncDisposable {
  readonly url: string;
}

/** Whether there is a Python that can make environments; says what is missing when there is none. */
export async function missingForMoto(): Promise<string | undefined> {
  return await run('python3', ['-c', 'import venv, ensurepip']).then(
    () => undefined,
    () => 'python3 with venv is not installed',
  );
}

/** AWS on this machine, on a free port. */
export async function startMoto(options: MotoOptions): Promise<Moto> {
  const home = await installed(options);
  const port = await freePort();
  const server = spawn(join(home, 'bin', 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const end = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  };
  try {
    await ready(url, server);
  } catch (error) {
    await end();
    throw error;
  }
  return { url, [Symbol.asyncDispose]: end };
}

async function installed({ cache, extras = [] }: MotoOptions): Promise<string> {
  const home = join(cache, VERSION);
  const complete = join(home, 'complete');
  const exists = await access(complete).then(
    () => true,
    () => false,
  );
  if (exists) return home;
  await rm(home, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await run('python3', ['-m', 'venv', home]);
  const packages = [`moto${extras.length === 0 ? '' : `[${extras.join()}]`}==${VERSION}`, 'flask', 'flask-cors'];
  await run(join(home, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages]);
  await mkdir(join(home, 'done'));
  // Last of all, so that an installation that was broken off is made again.
  await rename(join(home, 'done'), complete);
  return home;
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
