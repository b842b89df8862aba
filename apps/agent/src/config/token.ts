import { RunnerError } from '@runner/core';
import type { Secret } from '@runner/core';
import { jsonOf } from './format.ts';

/** A token, and the file to read it from again. */
export interface TokenConfig {
  readonly value: Secret;
  readonly file: string | undefined;
}

/** What is wrong with a token, found without asking anybody. */
export interface TokenProblem {
  readonly code: 'token_empty' | 'token_not_a_jwt' | 'token_expired' | 'token_other_audience';
  readonly message: string;
  readonly fix: string;
}

export interface TokenExpectation {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Compared only with a token that names audiences itself. */
  readonly audience?: string | undefined;
}

/**
 * Looks at a JWT without verifying it: that is the server's business. Tokens of bots usually have neither `exp` nor
 * `aud`, which is fine.
 */
export function tokenProblem(token: string, expected: TokenExpectation): TokenProblem | undefined {
  if (token.trim() === '') {
    return {
      code: 'token_empty',
      message: 'the token is empty',
      fix: 'set AUTH_TOKEN or AUTH_TOKEN_FILE to the JWT of the bot',
    };
  }
  const claims = claimsOf(token);
  if (claims === undefined) {
    return {
      code: 'token_not_a_jwt',
      message: 'the token is not a JWT (three parts of base64url, joined by dots)',
      fix: "copy the bot's JWT as a whole, without quotes or the word Bearer",
    };
  }
  if (typeof claims.exp === 'number' && claims.exp * 1000 <= expected.now) {
    return {
      code: 'token_expired',
      message: `the token expired on ${dateOf(claims.exp * 1000)}`,
      fix: 'make a new token for the bot and put it in place of this one',
    };
  }
  return audienceProblem(claims.aud, expected.audience);
}

/** Epoch milliseconds at which a token expires; undefined: never, or it is no JWT. */
export function tokenExpiry(token: string): number | undefined {
  const exp = claimsOf(token)?.exp;
  return typeof exp === 'number' ? exp * 1000 : undefined;
}

/** The problem as an error, for the moment before a connection. */
export function tokenError(problem: TokenProblem): RunnerError {
  return new RunnerError(problem.code, problem.message, { hint: problem.fix });
}

function audienceProblem(aud: unknown, expected: string | undefined): TokenProblem | undefined {
  if (expected === undefined || aud === undefined || aud === null) return undefined;
  const audiences = (Array.isArray(aud) ? aud : [aud]).filter((entry): entry is string => typeof entry === 'string');
  if (audiences.includes(expected)) return undefined;
  return {
    code: 'token_other_audience',
    message: `the token is for another audience (${audiences.join(', ').slice(0, 200)})`,
    fix: `use a token whose audience is ${expected}, or correct TOKEN_AUDIENCE`,
  };
}

interface Claims {
  readonly exp?: unknown;
  readonly aud?: unknown;
}

const PART = /^[A-Za-z0-9_-]+$/;

function claimsOf(token: string): Claims | undefined {
  const parts = token.split('.');
  const [header, payload] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined) return undefined;
  if (!parts.every((part) => PART.test(part))) return undefined;
  const claims = objectOf(payload);
  return objectOf(header) === undefined ? undefined : claims;
}

function objectOf(part: string): Claims | undefined {
  const value = jsonOf(Buffer.from(part, 'base64url').toString('utf8'));
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

/** Of epoch milliseconds; dates beyond what Date can hold are shown as seconds. */
export function dateOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? `${at / 1000} seconds after 1970` : date.toISOString();
}
