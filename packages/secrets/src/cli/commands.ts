import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { RunnerError } from '@runner/core';
import { messageOf, toRunnerError } from '@runner/core';
import type { UnresolvedPlace } from '../exec/environment.ts';
import { resolveEnvironment } from '../exec/environment.ts';
import type { ProgramEnd } from '../exec/program.ts';
import { runProgram } from '../exec/program.ts';
import type { SecretProvider } from '../provider.ts';
import { createSecretResolver } from '../resolver.ts';
import type { Command } from './arguments.ts';
import { HELP, parseArguments } from './arguments.ts';
import { checkReference, describeCheck } from './check.ts';
import { EXIT_EXEC_FAILED, EXIT_OK, EXIT_USAGE, exitCodeOf } from './exit-codes.ts';

export type Output = Writable & { readonly isTTY?: boolean };

/** What the commands need of the process. */
export interface CommandWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => () => void;
  /** Opens the store of this name; undefined: the one the environment names. */
  readonly openProvider: (name: string | undefined) => Promise<SecretProvider>;
}

/** How this process is to end: with a status, or as its program did. */
export type CommandEnd = number | ProgramEnd;

/** Runs one command line. */
export async function runCommand(argv: readonly string[], world: CommandWorld): Promise<CommandEnd> {
  const command = parseArguments(argv);
  if (command.command === 'help') return say(world.stdout, HELP, EXIT_OK);
  if (command.command === 'usage')
    return say(world.stderr, `runner-secrets: ${command.problem}\n\n${HELP}`, EXIT_USAGE);
  try {
    const provider = await world.openProvider(command.provider);
    try {
      return await withProvider(command, provider, world);
    } finally {
      await provider.close?.();
    }
  } catch (error) {
    const known = toRunnerError(error);
    return say(
      world.stderr,
      `runner-secrets: ${told(known)}`,
      command.command === 'exec' ? EXIT_EXEC_FAILED : exitCodeOf([known.code]),
    );
  }
}

type RealCommand = Exclude<Command, { readonly command: 'help' | 'usage' }>;

function withProvider(command: RealCommand, provider: SecretProvider, world: CommandWorld): Promise<CommandEnd> {
  if (command.command === 'check') return check(command, provider, world);
  if (command.command === 'get') return get(command, provider, world);
  return exec(command, provider, world);
}

async function check(
  { references, json }: Extract<Command, { command: 'check' }>,
  provider: SecretProvider,
  { stdout, signal }: CommandWorld,
): Promise<number> {
  const results = [];
  for (const reference of references) results.push(await checkReference(reference, provider, signal));
  const text = json ? `${JSON.stringify(results, null, 2)}\n` : results.map(describeCheck).join('');
  return say(stdout, text, exitCodeOf(results.flatMap(({ error }) => (error === undefined ? [] : [error.code]))));
}

async function get(
  { reference, show }: Extract<Command, { command: 'get' }>,
  provider: SecretProvider,
  { stdout, stderr, signal }: CommandWorld,
): Promise<number> {
  if (stdout.isTTY === true && !show) {
    return say(
      stderr,
      'runner-secrets: a value is not written to a terminal; say --show, or hand it on by a pipe\n',
      EXIT_USAGE,
    );
  }
  await using resolver = createSecretResolver({
    provider: { describe: () => provider.describe(), fetch: (id, o) => provider.fetch(id, o) },
  });
  const value = await resolver.resolve(reference, { signal });
  return say(stdout, value.reveal(), EXIT_OK);
}

async function exec(
  { variables, configFile, program }: Extract<Command, { command: 'exec' }>,
  provider: SecretProvider,
  world: CommandWorld,
): Promise<CommandEnd> {
  const config = configFile === undefined ? {} : { config: await configText(configFile) };
  await using resolver = createSecretResolver({
    provider: { describe: () => provider.describe(), fetch: (id, o) => provider.fetch(id, o) },
  });
  const result = await resolveEnvironment({ ...world.environment, ...config, ...variables }, resolver, world.signal);
  if (!result.ok) return say(world.stderr, result.failures.map(unresolvedText).join(''), EXIT_EXEC_FAILED);
  const end = await runProgram({ ...world, command: program, ...result.resolved });
  if (end.kind === 'not_started') {
    await say(world.stderr, `runner-secrets: ${program[0]} could not be started: ${messageOf(end.error)}\n`, 0);
  }
  return end;
}

async function configText(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim();
}

function unresolvedText({ place, error }: UnresolvedPlace): string {
  return `runner-secrets: ${place}: ${told(error)}`;
}

function told({ code, message, hint }: RunnerError): string {
  return `${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`;
}

function say(to: Writable, text: string, status: number): Promise<number> {
  return new Promise((resolve) => {
    to.write(text, () => resolve(status));
  });
}
