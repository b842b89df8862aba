import { RunnerError } from '@runner/core';

/** Deeper than any entity of OpenMetadata, and well within what frames to runners may hold. */
export const DEEPEST_BODY = 40;

/**
 * Refuses what later layers cannot hold: texts with NUL or half a surrogate pair (PostgreSQL has no place for them) and
 * nesting that would exhaust the stack of whoever walks it. Iterative for the same reason.
 * @param texts whether texts are looked at; logs are cleaned instead
 */
export function checkBody(body: unknown, texts: boolean): void {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST_BODY) {
      throw new RunnerError('invalid_request', `the request is nested deeper than ${DEEPEST_BODY} levels`);
    }
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value === 'string') {
        if (texts) checkText(value);
      } else if (Array.isArray(value)) {
        for (const item of value) next.push(item);
      } else if (typeof value === 'object' && value !== null) {
        for (const [key, item] of Object.entries(value)) {
          if (texts) checkText(key);
          next.push(item);
        }
      }
    }
    level = next;
  }
}

/** The same for the texts of a path or query. */
export function checkText(text: string): void {
  if (!text.includes('\0') && isWellFormed(text)) return;
  throw new RunnerError('invalid_request', 'the request holds a text with a NUL or half a character');
}

function isWellFormed(text: string): boolean {
  // A lone surrogate has no UTF-8, so encoding replaces it and the way back differs.
  return !/\p{Surrogate}/u.test(text);
}

/** A text of a log with what cannot be stored replaced by U+FFFD. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').replace(/\p{Surrogate}/gu, '\uFFFD');
}
