import type { Secret } from '@runner/core';
import { secretError, shownId } from '../errors.ts';

interface About {
  readonly provider: string;
  readonly id: string;
  readonly location: string;
}

/**
 * One member of a value that is a JSON document: a key, or a JSON pointer when it begins with `/`. Texts are given as
 * they are, numbers and booleans as JSON writes them. No parser's error goes on, because it would quote the value.
 */
export function pickFromJson(value: Secret, key: string, about: About): string {
  let found: unknown;
  try {
    found = JSON.parse(value.reveal());
  } catch {
    throw secretError('secret_key_missing', `the secret ${shownId(about.id)} is no JSON document, so it has no keys`, {
      ...about,
      hint: 'store a JSON object, or leave the selector json out',
    });
  }
  for (const segment of pathOf(key)) found = member(found, segment);
  if (typeof found === 'string') return found;
  if (typeof found === 'number' || typeof found === 'boolean') return JSON.stringify(found);
  if (found === null) {
    throw secretError('secret_empty', `the key ${shownId(key)} of the secret ${shownId(about.id)} is null`, about);
  }
  const what = found === undefined ? 'is not in the secret' : 'names no text in the secret';
  throw secretError('secret_key_missing', `the key ${shownId(key)} ${what} ${shownId(about.id)}`, {
    ...about,
    hint: 'name a key of the JSON object, or give a JSON pointer such as /database/password',
  });
}

function pathOf(key: string): readonly string[] {
  if (!key.startsWith('/')) return [key];
  return key
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Own members only: `__proto__` and `length` are keys like any other, and absent. */
function member(value: unknown, segment: string): unknown {
  if (Array.isArray(value)) return /^(0|[1-9]\d{0,9})$/.test(segment) ? value[Number(segment)] : undefined;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
  return (value as Record<string, unknown>)[segment];
}
