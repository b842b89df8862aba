import { RunnerError } from '@runner/core';
import { findPlaintextSecrets } from '@runner/secrets';
import type { PlaintextFinding } from '@runner/secrets';
import { isObject } from './json.ts';

/** What stands in an answer instead of a credential. References are shown: they name a place, not a value. */
export const MASK = '*********';

export function isMask(value: unknown): boolean {
  return typeof value === 'string' && /^\*+$/.test(value);
}

/** The connection without a credential in plain text. What cannot be masked place by place is masked as a whole. */
export function maskConnection(config: unknown, type: string): unknown {
  let masked = config;
  // A pass finds at most a hundred places; what is masked is not found again.
  for (let findings = plaintextIn(masked, type); findings.length > 0; findings = plaintextIn(masked, type)) {
    const next = findings.reduce((value, { pointer }) => replaceAt(value, segmentsOf(pointer)), masked);
    if (JSON.stringify(next) === JSON.stringify(masked)) return MASK;
    masked = next;
  }
  return masked;
}

function plaintextIn(config: unknown, type: string): readonly PlaintextFinding[] {
  return findPlaintextSecrets(config, type).filter(
    ({ code }) => code.startsWith('plaintext_') || code === 'connection_too_deep' || code === 'reference_misspelt',
  );
}

const segmentsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));

function replaceAt(value: unknown, [head, ...rest]: readonly string[]): unknown {
  if (head === undefined) return MASK;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (String(index) === head ? replaceAt(item, rest) : item));
  }
  if (!isObject(value) || !Object.hasOwn(value, head)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === head ? replaceAt(item, rest) : item]),
  );
}

/**
 * What an update means: a value of only asterisks keeps what is stored at the same place. Rejects with `masked_value`
 * where nothing is stored, since asterisks would become the password.
 * @param at where the connection stands in the request, for the pointers of the answer
 */
export function keepMasked(incoming: unknown, stored: unknown, at: string): unknown {
  const missing: string[] = [];
  const kept = merge(incoming, stored, at, missing);
  if (missing.length === 0) return kept;
  throw new RunnerError('masked_value', 'a masked value was sent where nothing is stored', {
    hint: 'write the secret reference itself',
    details: {
      errors: missing.slice(0, 100).map((pointer) => ({
        pointer,
        code: 'masked_value',
        message: 'nothing is stored here that the asterisks could stand for',
      })),
    },
  });
}

function merge(incoming: unknown, stored: unknown, at: string, missing: string[]): unknown {
  if (isMask(incoming)) {
    if (stored !== undefined && stored !== null && stored !== '') return stored;
    missing.push(at);
    return incoming;
  }
  if (Array.isArray(incoming)) {
    const old: readonly unknown[] = Array.isArray(stored) ? stored : [];
    return incoming.map((item: unknown, index) => merge(item, old[index], `${at}/${index}`, missing));
  }
  if (!isObject(incoming)) return incoming;
  return Object.fromEntries(
    Object.entries(incoming).map(([key, item]) => {
      const old = isObject(stored) && Object.hasOwn(stored, key) ? stored[key] : undefined;
      return [key, merge(item, old, `${at}/${escaped(key)}`, missing)];
    }),
  );
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
