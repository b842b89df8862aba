import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import { readFile } from 'node:fs/promises';
import type { StartedProcess } from './processes.ts';

const LOOK_EVERY_MS = 50;
const LINES_SHOWN = 15;

export interface WaitOptions {
  readonly what: string;
  readonly withinMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The wait is over, badly, when one of these ends. */
  readonly processes: readonly StartedProcess[];
}

/** Looks until there is an answer. A program that ends meanwhile fails the wait with the end of its log. */
export async function waitFor<T>(look: () => Promise<T | undefined>, options: WaitOptions): Promise<T> {
  const { what, withinMs, clock, signal, processes } = options;
  const ended: { name?: StartedProcess; text?: string } = {};
  for (const started of processes) {
    void started.ended.then((text) => {
      ended.name = started;
      ended.text = text;
    });
  }
  const deadline = clock.monotonic() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (ended.name !== undefined) throw await endedEarly(ended.name, ended.text ?? '');
    if (clock.monotonic() >= deadline) {
      throw new RunnerError('demo_timeout', `${what} did not happen within ${withinMs / 1_000} s`, {
        hint: `the logs may say why: ${processes.map((started) => started.logFile).join(', ')}`,
      });
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

async function endedEarly(started: StartedProcess, text: string): Promise<RunnerError> {
  const log = await readFile(started.logFile, 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-LINES_SHOWN).join('\n');
  return new RunnerError('demo_process', `${text}\n${tail}`, { hint: `its whole log is in ${started.logFile}` });
}
