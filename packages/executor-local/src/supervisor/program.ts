import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { ProcessIdentity, ProcessTable } from '../process-table.ts';
import { identify, killMembers } from '../process-table.ts';
import type { LaunchRecord } from '../records.ts';
import { NO_WORKING_DIRECTORY } from '../records.ts';
import { errorCode } from '../write-once.ts';
import type { OutputPair } from './output-pair.ts';
import { openOutputPair } from './output-pair.ts';

/** The program of a run, started. */
export interface Program {
  readonly identity: ProcessIdentity;
  /** Milliseconds on the monotonic clock. */
  readonly startedMonotonic: number;
  /** How the main process ended. */
  readonly exited: Promise<{ readonly exitCode?: number; readonly signal?: string }>;
  /** True as soon as the main process has ended, even before Node says so. */
  hasEnded(): boolean;
  /** All output has been taken: every process that held it is gone or has closed it. */
  readonly drained: Promise<void>;
  /** Asks all processes of the group to stop. */
  terminate(): void;
  /** Kills what is left of group and session; returns how many processes there were. */
  kill(): number;
  /** Gives up on output that escaped processes still hold. */
  abandonOutput(): void;
}

export type StartResult = Program | { readonly startError: string };

/**
 * Starts the program as leader of a session and group of its own, without a shell.
 *
 * @param onOutput gets standard output and standard error in the order they were written; the bytes are its own only
 * until it returns
 */
export async function startProgram(
  launch: LaunchRecord,
  table: ProcessTable,
  outputPath: string,
  onOutput: (bytes: Buffer) => void,
): Promise<StartResult> {
  const [file = '', ...args] = launch.command;
  if (!(await isFolder(launch.workingDirectory))) return { startError: NO_WORKING_DIRECTORY };
  let pair: OutputPair;
  try {
    pair = await openOutputPair(outputPath, onOutput);
  } catch (error) {
    return { startError: errorCode(error) || 'UNKNOWN' };
  }
  const { reader, writer } = pair;
  // A reset of the stream is an end like any other.
  reader.on('error', () => undefined);
  const drained = new Promise<void>((resolve) => reader.once('close', () => resolve()));
  try {
    const child = spawn(file, args, {
      cwd: launch.workingDirectory,
      env: launch.environment,
      detached: true,
      stdio: ['ignore', writer, writer],
    });
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    exited.catch(() => undefined);
    await once(child, 'spawn');
    return program(child, exited, table, drained, () => reader.destroy());
  } catch (error) {
    reader.destroy();
    return { startError: errorCode(error) || 'UNKNOWN' };
  } finally {
    writer.destroy();
  }
}

function program(
  child: ChildProcess,
  exited: Promise<[number | null, NodeJS.Signals | null]>,
  table: ProcessTable,
  drained: Promise<void>,
  abandonOutput: () => void,
): Program {
  const pid = child.pid ?? 0;
  // Until Node has collected the child its entry stands, as a zombie at least, so the pid cannot mean another process.
  const identity = identify(table, pid) ?? { pid, startTime: '', bootId: table.bootId() };
  let hasExited = false;
  return {
    identity,
    startedMonotonic: performance.now(),
    exited: exited.then(([code, signal]) => {
      hasExited = true;
      return { ...(code === null ? {} : { exitCode: code }), ...(signal === null ? {} : { signal }) };
    }),
    hasEnded: () => hasExited || (table.find(pid)?.zombie ?? true),
    drained,
    terminate: () => {
      if (!hasExited) table.signal(-pid, 'SIGTERM');
    },
    kill: () => killMembers(table, identity),
    abandonOutput,
  };
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
