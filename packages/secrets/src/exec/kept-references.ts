import type { RunnerError } from '@runner/core';
import type { SecretErrorCode } from '../errors.ts';
import { SECRET_PREFIX, isSecretReference } from '../reference.ts';
import { findSecretReferences } from '../resolve-config.ts';
import type { SecretResolver } from '../resolver.ts';
import type { UnresolvedPlace } from './environment.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** With these nobody of this identity gets a value, so there is nothing to redact; the program will say so itself. */
const NO_VALUE: ReadonlySet<string> = new Set<SecretErrorCode>([
  'secret_not_found',
  'secret_key_missing',
  'secret_empty',
  'secret_binary',
  'secret_disabled',
  'secret_forbidden',
  'secret_malformed_id',
  'secret_misconfigured',
]);

/** True when no program could read the secret either. After any other failure it might, and would print it unredacted. */
export function isWithoutValue({ code }: RunnerError): boolean {
  return NO_VALUE.has(code);
}

/** The references a program can find in its environment: whole variables, and strings in the JSON of `config`. */
export function referencesIn(environment: Environment): readonly string[] {
  const found = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (name === 'config') for (const reference of inConfig(value ?? '')) found.add(reference);
    else if (isSecretReference(value)) found.add(value);
  }
  return [...found];
}

function inConfig(text: string): readonly string[] {
  if (!text.includes(SECRET_PREFIX)) return [];
  try {
    return findSecretReferences(JSON.parse(text)).map(({ id }) => `${SECRET_PREFIX}${id}`);
  } catch {
    // Not JSON, or deeper than any config: the program makes of it what it can.
    return [];
  }
}

export interface KnownValues {
  readonly values: readonly string[];
  /** Failures after which the program must not be started, and those after which it may. */
  readonly fatal: readonly UnresolvedPlace[];
  readonly harmless: readonly UnresolvedPlace[];
}

/** Learns the values behind references that a program resolves itself, so that they can be redacted. */
export async function learnValues(
  references: readonly string[],
  resolver: SecretResolver,
  signal: AbortSignal,
): Promise<KnownValues> {
  const answers = await resolver.resolveAll(references, { signal });
  const values = answers.flatMap((answer) => (answer.ok ? [answer.value.reveal()] : []));
  const failures = answers.flatMap((answer) => (answer.ok ? [] : [{ place: answer.reference, error: answer.error }]));
  return {
    values,
    fatal: failures.filter(({ error }) => !isWithoutValue(error)),
    harmless: failures.filter(({ error }) => isWithoutValue(error)),
  };
}
