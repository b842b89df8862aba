import { randomUUID } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock, RunnerError } from '@runner/core';
import { abortError } from '@runner/core';
import { executorError } from '@runner/executor';
import { folderError } from './place.ts';
import type { LaunchRecord, SupervisorWord } from './records.ts';
import { launchFile } from './records.ts';
import { errorCode } from './write-once.ts';

/** How to start a supervisor; the folder of the run and a nonce are added to the arguments. */
export interface SupervisorCommand {
  readonly program: string;
  readonly args: readonly string[];
}

export interface LaunchOptions {
  readonly supervisor: SupervisorCommand;
  /** The supervisor's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** How long a supervisor may take to say whose the run is. */
  readonly timeoutMs: number;
}

/** The supervisor of this package, from source or built, whichever this module is. */
export function ownSupervisor(): SupervisorCommand {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = new URL(`./supervisor.${extension}`, import.meta.url);
  // A scavenge space of 1 MiB is enough for copying output, and there is one supervisor for each run.
  return { program: process.execPath, args: ['--no-warnings', '--max-semi-space-size=1', fileURLToPath(entry)] };
}

/**
 * Starts a supervisor for the run of a folder and waits until it is known whose the run is.
 *
 * @returns the nonce that its claim carries, and whether it got the claim
 */
export async function launchSupervisor(
  folder: string,
  launch: LaunchRecord,
  options: LaunchOptions,
  signal: AbortSignal,
): Promise<{ readonly nonce: string; readonly claimed: boolean }> {
  const nonce = randomUUID();
  const file = join(folder, launchFile(nonce));
  try {
    await writeFile(file, JSON.stringify(launch), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    await unlink(file).catch(() => undefined);
    throw folderError(folder, error);
  }
  try {
    const word = await firstWord(folder, nonce, options, signal);
    if (word === 'claimed' || word === 'taken') return { nonce, claimed: word === 'claimed' };
    throw refusal(folder, word);
  } catch (error) {
    // An aborted or slow supervisor may still read its launch file; without one it claims nothing.
    await unlink(file).catch(() => undefined);
    throw error;
  }
}

/** Starts the process, gives it the time it needs, and lets go of it. */
async function firstWord(
  folder: string,
  nonce: string,
  options: LaunchOptions,
  signal: AbortSignal,
): Promise<SupervisorWord> {
  const { supervisor, environment, clock, timeoutMs } = options;
  if (signal.aborted) throw abortError(signal);
  let child: ChildProcess;
  try {
    child = spawn(supervisor.program, [...supervisor.args, folder, nonce], {
      cwd: '/',
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw startError(error);
  }
  const tooLate = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => tooLate.abort());
  try {
    return await wordOf(child, signal, tooLate.signal);
  } finally {
    timer.cancel();
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  }
}

async function wordOf(child: ChildProcess, signal: AbortSignal, tooLate: AbortSignal): Promise<SupervisorWord> {
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(0, 2_000);
  });
  const settled = new AbortController();
  // Listeners go as soon as there is an answer: the process stays for as long as the run, and so may the caller's signal.
  const once = { once: true, signal: settled.signal } as const;
  try {
    return await new Promise((resolve, reject) => {
      let said = '';
      signal.addEventListener('abort', () => reject(abortError(signal)), once);
      tooLate.addEventListener('abort', () => reject(slow()), once);
      child.once('error', (error) => reject(startError(error)));
      child.once('close', () => reject(silent(complaint)));
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const end = said.indexOf('\n');
        if (end !== -1) resolve(said.slice(0, end) as SupervisorWord);
      });
    });
  } finally {
    settled.abort();
    child.removeAllListeners('close');
  }
}

function refusal(folder: string, word: SupervisorWord): RunnerError {
  if (word === 'gone') {
    return executorError(
      'executor_unavailable',
      'The folder of the run vanished before its supervisor could claim it.',
    );
  }
  return folderError(folder, Object.assign(new Error(word), { code: word.split(' ')[1] }));
}

const NO_ROOM: ReadonlySet<string> = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);

function startError(error: unknown): RunnerError {
  const code = errorCode(error);
  if (NO_ROOM.has(code)) {
    return executorError('executor_waiting', `The system has no room for another process (${code}).`, { cause: error });
  }
  return executorError('executor_unavailable', `The supervisor could not be started (${code}).`, { cause: error });
}

function slow(): RunnerError {
  return executorError('executor_unavailable', 'The supervisor did not say in time whether it has the run.', {
    hint: 'The machine may be overloaded. If the supervisor comes up later, the run is adopted.',
  });
}

function silent(complaint: string): RunnerError {
  const [first = ''] = complaint.split('\n').filter((line) => /Error|Cannot|usage/.test(line));
  return executorError('executor_unavailable', `The supervisor ended without a word. ${first}`.trim(), {
    hint: 'Check that the file of the supervisor is where this package was installed or bundled.',
  });
}
