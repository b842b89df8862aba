import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunnerError } from '@runner/core';
import type { BenchContext } from '../bench.ts';
import { REPOSITORY } from './folder.ts';

const START_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

/** The real control plane as a process of its own, with its embedded PostgreSQL. Disposing ends both. */
export interface ControlPlane extends AsyncDisposable {
  readonly url: string;
  /** Its REST API, as an administrator. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<Readonly<Record<string, unknown>>>;
}

export async function startControlPlane(folder: string, context: BenchContext): Promise<ControlPlane> {
  const { clock, signal } = context;
  const child = spawn(
    process.execPath,
    [
      '--conditions=@runner/source',
      '--disable-warning=ExperimentalWarning',
      join(REPOSITORY, 'apps/control-plane/src/main.ts'),
    ],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: folder,
        LOG_LEVEL: 'warn',
        RATE_LIMIT_PER_MINUTE: '1000000',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    // It ends its database; killed it would leave one behind.
    child.kill('SIGTERM');
    const late = clock.setTimer(STOP_WITHIN_MS, () => child.kill('SIGKILL'));
    await ended;
    late.cancel();
  };
  try {
    const url = await addressIn(join(folder, 'address.json'), () => child.exitCode !== null, context);
    const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    return { url, call: caller(url, token, signal), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function addressIn(path: string, hasEnded: () => boolean, { clock, signal }: BenchContext): Promise<string> {
  const deadline = clock.monotonic() + START_WITHIN_MS;
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('}') || text.endsWith('}\n')) return (JSON.parse(text) as { url: string }).url;
    if (hasEnded() || clock.monotonic() > deadline) {
      throw new RunnerError('bench_control_plane', 'the control plane did not start');
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

function caller(url: string, token: string, signal: AbortSignal): ControlPlane['call'] {
  const headers = { authorization: `Bearer ${token}` };
  return async (method, path, body) => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (response.ok) return answer;
    throw new RunnerError('bench_control_plane', `${method} ${path}: ${response.status} ${String(answer['message'])}`);
  };
}
