import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { DemoFolder } from './folder.ts';
import { REPOSITORY } from './folder.ts';
import { beginningOf } from './process-identity.ts';

export interface Program {
  readonly name: string;
  /** Program file, relative to the repository. */
  readonly source: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program that was started in a process group of its own. */
export interface StartedProcess {
  readonly name: string;
  readonly logFile: string;
  /** Resolves with a sentence when it has ended. */
  readonly ended: Promise<string>;
  /** Asks it to leave, and ends the whole group when it takes too long. */
  stop(): Promise<void>;
}

interface Remembered {
  readonly name: string;
  readonly pid: number;
  readonly began: string;
}

const GONE_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Starts and ends the programs of the demo, and remembers them for the case that it is killed itself. */
export function createProcesses(folder: DemoFolder, clock: Clock, leaveWithinMs = 20_000) {
  const remembered: Remembered[] = [];

  const remember = async (): Promise<void> => {
    await writeFile(`${folder.processes}.new`, JSON.stringify(remembered));
    await rename(`${folder.processes}.new`, folder.processes);
  };

  /** SIGTERM to the leader, who ends its own children in order; SIGKILL to whatever is left of the group. */
  const endGroup = async (pid: number, isGone: () => boolean | Promise<boolean>): Promise<void> => {
    if (!(await isGone())) signalTo(pid, 'SIGTERM');
    await until(isGone, leaveWithinMs, clock);
    signalTo(-pid, 'SIGKILL');
    await until(isGone, GONE_WITHIN_MS, clock);
  };

  const start = async ({ name, source, env }: Program): Promise<StartedProcess> => {
    const logFile = join(folder.logs, `${name}.log`);
    await using log = await open(logFile, 'w', 0o600);
    const child = spawn(
      process.execPath,
      ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', resolve(REPOSITORY, source)],
      { env: { ...env }, detached: true, stdio: ['ignore', log.fd, log.fd] },
    );
    const ended = endOf(child, name);
    const { pid } = child;
    if (pid === undefined) throw new RunnerError('demo_process', `${name} could not be started: ${await ended}`);
    const began = await beginningOf(pid);
    if (began !== undefined) remembered.push({ name, pid, began });
    await remember();
    return { name, logFile, ended, stop: () => endGroup(pid, () => !isRunning(child)) };
  };

  const endLeftovers = async (): Promise<readonly string[]> => {
    const names: string[] = [];
    for (const { name, pid, began } of await readRemembered(folder.processes)) {
      if ((await beginningOf(pid)) !== began) continue;
      await endGroup(pid, async () => (await beginningOf(pid)) !== began);
      names.push(name);
    }
    return names;
  };

  return { start, endLeftovers };
}
export type Processes = ReturnType<typeof createProcesses>;

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

function endOf(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`${name} could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`${name} ended with ${signal ?? `exit code ${String(code)}`}`));
  });
}

async function until(condition: () => boolean | Promise<boolean>, withinMs: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + withinMs;
  while (!(await condition()) && clock.monotonic() < deadline) await clock.sleep(LOOK_EVERY_MS);
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readRemembered(path: string): Promise<readonly Remembered[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as readonly Remembered[];
  } catch {
    // No file at the first start; a half-written one names nothing that could be ended safely.
    return [];
  }
}
