import { readFile } from 'node:fs/promises';
import { messageOf, toRunnerError } from '@runner/core';
import type { EnvironmentResult, UnresolvedPlace } from '../exec/environment.ts';
import { resolveEnvironment } from '../exec/environment.ts';
import { isWithoutValue, learnValues, referencesIn } from '../exec/kept-references.ts';
import { secretsInEnvironment } from '../exec/known-values.ts';
import type { ProgramEnd } from '../exec/program.ts';
import { runProgram } from '../exec/program.ts';
import type { SecretProvider } from '../provider.ts';
import type { SecretResolver } from '../resolver.ts';
import { createSecretResolver } from '../resolver.ts';
import type { Command } from './arguments.ts';
import { EXIT_EXEC_FAILED } from './exit-codes.ts';
import type { CommandWorld } from './world.ts';
import { say, told } from './world.ts';

type ExecCommand = Extract<Command, { command: 'exec' }>;
type Environment = CommandWorld['environment'];

/** Runs a program with its references resolved, or with them as they are, and its output redacted. */
export async function exec(command: ExecCommand, world: CommandWorld): Promise<number | ProgramEnd> {
  const { variables, configFile, program, supervised, keepReferences } = command;
  const config = configFile === undefined ? {} : { config: (await readFile(configFile, 'utf8')).trim() };
  const environment: Environment = { ...world.environment, ...config, ...variables };
  const result = await (keepReferences ? kept : resolved)(environment, command, world);
  if (!result.ok) return say(world.stderr, result.failures.map(unresolvedText).join(''), EXIT_EXEC_FAILED);
  const values = [
    ...result.resolved.values,
    ...secretsInEnvironment(environment, command.provider ?? environment['SECRETS_MANAGER']),
  ];
  const end = await runProgram({
    ...world,
    command: program,
    environment: result.resolved.environment,
    values,
    supervised,
  });
  if (end.kind === 'not_started') {
    await say(
      world.stderr,
      `runner-secrets: ${program[0]} could not be started: ${messageOf(end.error)}\n${hintOf(end.error)}`,
      0,
    );
  }
  return end;
}

/** Linux says only that something was too long. */
function hintOf(error: unknown): string {
  const isTooLong = (error as { readonly code?: unknown } | null)?.code === 'E2BIG';
  return isTooLong
    ? '  one of its variables is too long with its values (Linux takes 131,071 bytes of name and value); have the program read large values itself\n'
    : '';
}

async function resolved(
  environment: Environment,
  { provider, redact }: ExecCommand,
  world: CommandWorld,
): Promise<EnvironmentResult> {
  return await withResolver(await world.openProvider(provider), async (resolver) => {
    const [result, also] = await Promise.all([
      resolveEnvironment(environment, resolver, world.signal),
      learnValues(redact, resolver, world.signal),
    ]);
    const failures = [...(result.ok ? [] : result.failures), ...also.fatal, ...also.harmless];
    if (!result.ok || failures.length > 0) return { ok: false, failures };
    return {
      ok: true,
      resolved: { ...result.resolved, values: [...result.resolved.values, ...also.values] },
    };
  });
}

/** The store is asked only when there is something to ask for. */
async function kept(
  environment: Environment,
  { provider, redact }: ExecCommand,
  world: CommandWorld,
): Promise<EnvironmentResult> {
  const references = [...new Set([...referencesIn(environment), ...redact])];
  if (references.length === 0) return { ok: true, resolved: { environment, values: [] } };
  let opened: SecretProvider;
  try {
    opened = await world.openProvider(provider);
  } catch (error) {
    const failure = { place: references.join(', '), error: toRunnerError(error) };
    if (!isWithoutValue(failure.error)) return { ok: false, failures: [failure] };
    await sayHarmless([failure], world);
    return { ok: true, resolved: { environment, values: [] } };
  }
  const { values, fatal, harmless } = await withResolver(opened, (resolver) =>
    learnValues(references, resolver, world.signal),
  );
  if (fatal.length > 0) return { ok: false, failures: [...fatal, ...harmless] };
  await sayHarmless(harmless, world);
  return { ok: true, resolved: { environment, values } };
}

async function withResolver<T>(provider: SecretProvider, work: (resolver: SecretResolver) => Promise<T>): Promise<T> {
  await using resolver = createSecretResolver({ provider });
  return await work(resolver);
}

/** Nobody can read these, so there is nothing to redact; the program says what that means to it. */
async function sayHarmless(failures: readonly UnresolvedPlace[], { stderr }: CommandWorld): Promise<void> {
  if (failures.length > 0) await say(stderr, failures.map(unresolvedText).join(''), 0);
}

function unresolvedText({ place, error }: UnresolvedPlace): string {
  return `runner-secrets: ${place}: ${told(error)}`;
}
