import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { Transform } from 'node:stream';
import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createRedactor } from '../redactor/redactor.ts';
import { REGISTRATION_VARIABLE, acceptRegistrations } from './registration.ts';

export interface ProgramOptions {
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values that must not appear in the output. */
  readonly values: Iterable<string>;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Signals of this process, to be handed on: calls back for each until the function it gives is called. */
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

/** Runs a program with its output redacted. Resolves when it has ended and everything it wrote was handed on. */
export async function runProgram(options: ProgramOptions): Promise<ProgramEnd> {
  const [program, ...args] = options.command;
  const redactors = { stdout: createRedactor(options.values), stderr: createRedactor(options.values) };
  const child = spawn(program, args, {
    env: { ...options.environment, [REGISTRATION_VARIABLE]: String(REGISTRATION_FD) },
    stdio: ['inherit', 'pipe', 'pipe', 'pipe'],
  });
  const channel = child.stdio[REGISTRATION_FD];
  if (channel != null) {
    acceptRegistrations(channel as Duplex, (values) => {
      redactors.stdout.add(values);
      redactors.stderr.add(values);
    });
  }
  const stopListening = options.onSignal((signal) => child.kill(signal));
  try {
    const [end] = await Promise.all([
      endOf(child),
      handedOn(child.stdout, redacting(redactors.stdout), options.stdout),
      handedOn(child.stderr, redacting(redactors.stderr), options.stderr),
    ]);
    return end;
  } finally {
    stopListening();
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

type Redactor = ReturnType<typeof createRedactor>;

function redacting(redactor: Redactor): Transform {
  return new Transform({
    transform: (chunk: Uint8Array, _, done) => done(null, redactor.push(chunk)),
    flush: (done) => done(null, redactor.end()),
  });
}

/** A reader that went away ends the program's output, not this process: the program then meets a closed pipe. */
async function handedOn(from: Readable | null, redact: Transform, to: Writable): Promise<void> {
  if (from === null) return;
  await pipeline(from, redact, to, { end: false }).catch(() => undefined);
}
