import type { RunnerError } from '@runner/core';
import { isAbort, isRunnerError } from '@runner/core';
import { secretError } from '../errors.ts';
import { isSecretReference } from '../reference.ts';
import type { SecretResolver } from '../resolver.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The variable in which workloads get their config. */
const CONFIG = 'config';

export interface ResolvedEnvironment {
  readonly environment: Environment;
  /** Every value that was put in. */
  readonly values: readonly string[];
}

/** A place whose reference could not be resolved. */
export interface UnresolvedPlace {
  /** `DB_PASSWORD`, or `config` and a JSON pointer. */
  readonly place: string;
  readonly error: RunnerError;
}

export type EnvironmentResult =
  | { readonly ok: true; readonly resolved: ResolvedEnvironment }
  | { readonly ok: false; readonly failures: readonly UnresolvedPlace[] };

/**
 * Replaces the references in an environment: variables that are a reference as a whole, and those inside the JSON of
 * `config`. Everything is tried, so that all failures are told at once.
 */
export async function resolveEnvironment(
  environment: Environment,
  resolver: SecretResolver,
  signal: AbortSignal,
): Promise<EnvironmentResult> {
  const names = Object.keys(environment).filter((name) => name !== CONFIG && isSecretReference(environment[name]));
  const [answers, config] = await Promise.all([
    resolver.resolveAll(
      names.map((name) => environment[name] ?? ''),
      { signal },
    ),
    resolveConfigText(environment[CONFIG], resolver, signal),
  ]);
  const failures = [...config.failures];
  const values = [...config.values];
  const resolved: Record<string, string | undefined> = { ...environment };
  if (config.text !== undefined) resolved[CONFIG] = config.text;
  answers.forEach((answer, index) => {
    const name = names[index] ?? '';
    if (!answer.ok) failures.push({ place: name, error: answer.error });
    else {
      const value = answer.value.reveal();
      if (value.includes('\0')) failures.push({ place: name, error: zeroByte(name) });
      resolved[name] = value;
      values.push(value);
    }
  });
  return failures.length > 0 ? { ok: false, failures } : { ok: true, resolved: { environment: resolved, values } };
}

interface ConfigResult {
  readonly text?: string;
  readonly values: readonly string[];
  readonly failures: readonly UnresolvedPlace[];
}

async function resolveConfigText(
  text: string | undefined,
  resolver: SecretResolver,
  signal: AbortSignal,
): Promise<ConfigResult> {
  if (text?.includes('secret:') !== true) return { values: [], failures: [] };
  const config = parsed(text);
  if (config === undefined) return { values: [], failures: [{ place: CONFIG, error: notJson() }] };
  const values: string[] = [];
  try {
    const found = await resolver.resolveConfig(config, { signal });
    collectSecrets(found.config, values);
    return { text: JSON.stringify(found.reveal()), values, failures: [] };
  } catch (error) {
    if (!isRunnerError(error) || isAbort(error)) throw error;
    return { values: [], failures: [{ place: CONFIG, error }] };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function collectSecrets(value: unknown, into: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  if ('reveal' in value && typeof value.reveal === 'function') {
    into.push((value as { reveal(): string }).reveal());
    return;
  }
  for (const item of Object.values(value)) collectSecrets(item, into);
}

function notJson(): RunnerError {
  return secretError('secret_misconfigured', 'the variable config holds "secret:" but is not JSON', {
    hint: 'write config as JSON; other formats are passed on unread, with their references',
  });
}

function zeroByte(name: string): RunnerError {
  return secretError('secret_binary', `the secret for ${name} holds a zero byte, which no environment variable can`, {
    hint: 'let the program read it itself, through the library or runner-secrets get',
  });
}
