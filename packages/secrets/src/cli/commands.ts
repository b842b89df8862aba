import { writeFile } from 'node:fs/promises';
import { toRunnerError } from '@runner/core';
import type { ProgramEnd } from '../exec/program.ts';
import type { SecretProvider } from '../provider.ts';
import { createSecretResolver } from '../resolver.ts';
import type { Command } from './arguments.ts';
import { HELP, parseArguments } from './arguments.ts';
import type { CheckResult } from './check.ts';
import { checkReference, checksAsMessage, describeCheck, uncheckedReference } from './check.ts';
import { exec } from './exec.ts';
import { EXIT_EXEC_FAILED, EXIT_OK, EXIT_USAGE, exitCodeOf } from './exit-codes.ts';
import type { CommandWorld } from './world.ts';
import { say, told } from './world.ts';

/** How this process is to end: with a status, or as its program did. */
export type CommandEnd = number | ProgramEnd;

/** Runs one command line. */
export async function runCommand(argv: readonly string[], world: CommandWorld): Promise<CommandEnd> {
  const command = parseArguments(argv);
  if (command.command === 'help') return say(world.stdout, HELP, EXIT_OK);
  if (command.command === 'usage')
    return say(world.stderr, `runner-secrets: ${command.problem}\n\n${HELP}`, EXIT_USAGE);
  try {
    if (command.command === 'exec') return await exec(command, world);
    return await (command.command === 'check' ? check(command, world) : get(command, world));
  } catch (error) {
    const known = toRunnerError(error);
    return say(
      world.stderr,
      `runner-secrets: ${told(known)}`,
      command.command === 'exec' ? EXIT_EXEC_FAILED : exitCodeOf([known.code]),
    );
  }
}

async function check(command: Extract<Command, { command: 'check' }>, world: CommandWorld): Promise<number> {
  const { json, output } = command;
  const results = await checked(command, world);
  const asJson = (): string =>
    output === undefined ? `${JSON.stringify(results, null, 2)}\n` : checksAsMessage(results);
  const text = json ? asJson() : results.map(describeCheck).join('');
  const status = exitCodeOf(results.flatMap(({ error }) => (error === undefined ? [] : [error.code])));
  if (output === undefined) return say(world.stdout, text, status);
  await writeFile(output, text, { mode: 0o600 });
  return status;
}

async function checked(
  { provider: name, references, output }: Extract<Command, { command: 'check' }>,
  { openProvider, signal }: CommandWorld,
): Promise<readonly CheckResult[]> {
  let provider: SecretProvider;
  try {
    provider = await openProvider(name);
  } catch (error) {
    // Whoever reads a file finds every answer there.
    if (output === undefined) throw error;
    return references.map((reference) => uncheckedReference(reference, name ?? '', toRunnerError(error)));
  }
  try {
    const results: CheckResult[] = [];
    for (const reference of references) results.push(await checkReference(reference, provider, signal));
    return results;
  } finally {
    await provider.close?.();
  }
}

async function get(
  { reference, show, provider: name }: Extract<Command, { command: 'get' }>,
  { stdout, stderr, signal, openProvider }: CommandWorld,
): Promise<number> {
  const provider = await openProvider(name);
  await using resolver = createSecretResolver({ provider });
  if (stdout.isTTY === true && !show) {
    return await say(
      stderr,
      'runner-secrets: a value is not written to a terminal; say --show, or hand it on by a pipe\n',
      EXIT_USAGE,
    );
  }
  const value = await resolver.resolve(reference, { signal });
  return await say(stdout, value.reveal(), EXIT_OK);
}
