import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Started } from './process.ts';
import { startProgram } from './process.ts';
import { eventually } from './waiting.ts';

const START_WITHIN_MS = 90_000;

/** The control plane as a process, with a PostgreSQL of its own; it keeps its port from start to start. */
export interface ControlPlane {
  readonly dataDir: string;
  url(): string;
  /** Of the process that runs now. */
  process(): Started;
  start(): Promise<void>;
  /** Resolves when the process has ended. */
  stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  adminToken(): Promise<string>;
}

export function controlPlane(dataDir: string, env: Readonly<Record<string, string>> = {}): ControlPlane {
  let base = new URL('http://127.0.0.1:0');
  let running: Started | undefined;
  const current = (): Started => {
    if (running === undefined) throw new Error('the control plane was not started');
    return running;
  };
  return {
    dataDir,
    url: () => base.origin,
    process: current,
    start: async () => {
      running = startProgram('apps/control-plane/src/main.ts', {
        DATA_DIR: dataDir,
        PORT: base.port,
        // Tests look often.
        RATE_LIMIT_PER_MINUTE: '1000000',
        ...env,
      });
      const started = running;
      await eventually(
        'the control plane is ready',
        () => {
          if (started.end() !== undefined) throw new Error(`it ended with ${started.end()}:\n${started.output()}`);
          return started.lines.some(({ message }) => message.includes('is ready'));
        },
        START_WITHIN_MS,
      );
      const address = JSON.parse(await readFile(join(dataDir, 'address.json'), 'utf8')) as { url: string };
      base = new URL(address.url);
    },
    stop: async (signal) => {
      await running?.kill(signal);
    },
    adminToken: async () => (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim(),
  };
}
