import type { Clock, Logger } from '@runner/core';
import { RunnerError, messageOf } from '@runner/core';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { PostgresBinaries } from './binaries.ts';
import type { Launch } from './command.ts';
import type { DataFolder } from './data-folder.ts';
import { socketFolder } from './data-folder.ts';
import { watchOutput } from './output.ts';

/** A server that accepts connections. */
export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process is gone, with the end of what it said. */
  readonly exited: Promise<string>;
  /** Ends open sessions and shuts down; harder each time it takes too long. */
  stop(): Promise<void>;
  /** For the last moment of our own process: asks, without waiting. */
  askToStop(): void;
}

export type ServerStart =
  | { readonly kind: 'ready'; readonly server: ServerProcess }
  /** Another server holds the folder. */
  | { readonly kind: 'occupied' }
  | { readonly kind: 'failed'; readonly output: string };

export interface ServerOptions {
  readonly folder: DataFolder;
  readonly binaries: PostgresBinaries;
  readonly launch: Launch;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Recovery after a crash reads the log that was not yet applied; more than this means that something is wrong. */
const READY_WITHIN_MS = 120_000;
const SHUTDOWN_STEPS = [
  { signal: 'SIGINT', withinMs: 10_000 },
  { signal: 'SIGQUIT', withinMs: 5_000 },
  { signal: 'SIGKILL', withinMs: 5_000 },
] as const;

/** Starts the server on a port and waits until it accepts connections. */
export async function startServer(options: ServerOptions, port: number): Promise<ServerStart> {
  const { folder, clock } = options;
  const child = options.launch(options.binaries.postgres, serverArguments(folder, port), folder.root);
  const told = { ready: false, occupied: false };
  let wake: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const output = watchOutput(child, (line) => {
    if (line.includes('ready to accept connections')) told.ready = true;
    if (line.includes('lock file "postmaster.pid" already exists')) told.occupied = true;
    if (told.ready) wake();
    options.logger.debug('embedded PostgreSQL', { line });
  });
  const exited = exitOf(child, output);
  const late = new AbortController();
  try {
    await Promise.race([ready, exited, clock.sleep(READY_WITHIN_MS, late.signal)]);
  } finally {
    late.abort();
  }
  if (told.ready && child.pid !== undefined) {
    return { kind: 'ready', server: serverOf(child, child.pid, port, exited, clock) };
  }
  child.kill('SIGKILL');
  return told.occupied ? { kind: 'occupied' } : { kind: 'failed', output: await exited };
}

function serverArguments(folder: DataFolder, port: number): readonly string[] {
  const settings: Readonly<Record<string, string | number>> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: socketFolder(folder),
    max_connections: 60,
    shared_buffers: '64MB',
    // Statements may hold a config: only what the server says of itself is told.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    timezone: 'UTC',
  };
  return ['-D', folder.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

async function exitOf(child: ChildProcess, output: () => string): Promise<string> {
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve(messageOf(error)));
    child.once('exit', () => resolve(output()));
  });
}

function serverOf(
  child: ChildProcess,
  pid: number,
  port: number,
  exited: Promise<string>,
  clock: Clock,
): ServerProcess {
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    port,
    pid,
    exited,
    askToStop: () => {
      if (isRunning()) child.kill('SIGINT');
    },
    stop: async () => {
      for (const { signal, withinMs } of SHUTDOWN_STEPS) {
        if (!isRunning()) return;
        child.kill(signal);
        const late = new AbortController();
        await Promise.race([exited, clock.sleep(withinMs, late.signal)]);
        late.abort();
      }
    },
  };
}

/** A port that was free a moment ago; who takes it meanwhile makes the server fail, and another one is tried. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(0, '127.0.0.1', () => {
        const address = probe.address();
        if (address === null || typeof address === 'string') {
          reject(new RunnerError('embedded_postgres_failed', 'the system gave no port'));
        } else resolve(address.port);
      });
    });
  } finally {
    probe.close();
  }
}
