#!/usr/bin/env node
import process from 'node:process';
import { runCommand } from './cli/commands.ts';
import { openProvider } from './cli/open-provider.ts';
import { exitStatus } from './exec/program.ts';

/** Signals that are handed on to the program of `exec`. */
const HANDED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR2'];
/** They write the memory of a process to disk. That of this one holds values, so it only says what ended its program. */
const DUMPING: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGQUIT',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
  'SIGXCPU',
  'SIGXFSZ',
]);
/** A terminal sends these to the program as well; handing them on would send them twice. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

const { argv, env, stdout, stderr } = process;

const end = await runCommand(argv.slice(2), {
  environment: env,
  stdout,
  stderr,
  signal: new AbortController().signal,
  onSignal,
  openProvider: (name) => openProvider(name, env),
});
if (typeof end === 'number') process.exitCode = end;
else if (end.kind === 'signal' && !DUMPING.has(end.signal)) {
  process.exitCode = exitStatus(end);
  // The way a shell would see the program end; where this signal ends nobody, the status says it.
  process.kill(process.pid, end.signal);
} else process.exitCode = exitStatus(end);

function onSignal(callback: (signal: NodeJS.Signals) => void): () => void {
  const terminal = process.stdin.isTTY;
  const quiet = (): void => undefined;
  for (const signal of HANDED_ON) process.on(signal, callback);
  for (const signal of FROM_TERMINAL) process.on(signal, terminal ? quiet : callback);
  return () => {
    for (const signal of [...HANDED_ON, ...FROM_TERMINAL]) process.off(signal, callback).off(signal, quiet);
  };
}
