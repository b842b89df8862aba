import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex, Writable } from 'node:stream';
import { systemClock } from '@runner/core';
import { createRedactor } from '../redactor/redactor.ts';
import { handOver, settled } from './hand-over.ts';
import { REGISTRATION_VARIABLE, acceptRegistrations } from './registration.ts';

export interface ProgramOptions {
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values that must not appear in the output. */
  readonly values: Iterable<string>;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whoever started this process sends signals to its whole process group, so that they are not handed on. */
  readonly supervised: boolean;
  /** Signals of this process: calls back for each until the function it gives is called. */
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => () => void;
}

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** It was not started: not there, not executable. */
  | { readonly kind: 'not_started'; readonly error: NodeJS.ErrnoException };

/** Descriptor on which the program tells what it resolves by itself; the first one after the standard three. */
const REGISTRATION_FD = 3;

/** Runs a program with its output redacted. Resolves when it has ended and what it wrote was handed on. */
export async function runProgram(options: ProgramOptions): Promise<ProgramEnd> {
  const { supervised } = options;
  let child: ChildProcess | undefined;
  // Before the program is there, so that no signal ends this process alone.
  const stopListening = options.onSignal((signal) => {
    if (!supervised) child?.kill(signal);
  });
  try {
    const result = started(options);
    if ('error' in result) return { kind: 'not_started', error: result.error };
    child = result.child;
    return await accompanied(child, options);
  } finally {
    stopListening();
  }
}

async function accompanied(child: ChildProcess, { values, stdout, stderr }: ProgramOptions): Promise<ProgramEnd> {
  const ended = endOf(child);
  const clock = systemClock({ keepAlive: true });
  const known = [...values];
  // Each output by itself, although lines of the two may change places: were they one stream, pieces of the one within a
  // value of the other would hide it.
  const ways = [
    { from: child.stdout, to: stdout },
    { from: child.stderr, to: stderr },
  ];
  const redactors = ways.map(() => createRedactor(known));
  const outputs = ways.flatMap(({ from, to }, index) => {
    const redactor = redactors[index];
    return from === null || redactor === undefined ? [] : [handOver(from, redactor, to, clock)];
  });
  const channel = child.stdio[REGISTRATION_FD] as Duplex | null | undefined;
  if (channel != null) acceptRegistrations(channel, (more) => redactors.forEach((redactor) => redactor.add(more)));
  const end = await ended;
  await settled(outputs, clock);
  // A process that was left behind may hold the other end for ever.
  channel?.destroy();
  return end;
}

type Started = { readonly child: ChildProcess } | { readonly error: NodeJS.ErrnoException };

function started({ command, environment }: ProgramOptions): Started {
  const [program, ...args] = command;
  try {
    const child = spawn(program, args, {
      env: { ...environment, [REGISTRATION_VARIABLE]: String(REGISTRATION_FD) },
      stdio: ['inherit', 'pipe', 'pipe', 'pipe'],
    });
    return { child };
  } catch (error) {
    // What is not said by an event, such as an environment that is too large.
    return { error: error as NodeJS.ErrnoException };
  }
}

/** The exit status by which shells tell such an end. */
export function exitStatus(end: ProgramEnd): number {
  if (end.kind === 'exit') return end.code;
  if (end.kind === 'signal') return 128 + constants.signals[end.signal];
  return end.error.code === 'ENOENT' ? 127 : 126;
}

function endOf(child: ChildProcess): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ kind: 'not_started', error }));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? { kind: 'exit', code: code ?? 1 } : { kind: 'signal', signal }),
    );
  });
}
