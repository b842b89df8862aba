import { RunnerError, isRunnerError } from '@runner/core';

/**
 * Everything that can go wrong while a secret is read. Absent (`secret_not_found`, `secret_key_missing`) is never the
 * same as failed. The README has the table.
 */
export type SecretErrorCode =
  | 'secret_not_found'
  | 'secret_key_missing'
  | 'secret_empty'
  | 'secret_binary'
  | 'secret_disabled'
  | 'secret_forbidden'
  | 'secret_throttled'
  | 'secret_unreachable'
  | 'secret_timed_out'
  | 'secret_malformed_id'
  | 'secret_misconfigured'
  | 'secret_sdk_missing'
  | 'secret_integrity'
  | 'secret_provider_failed'
  | 'secret_resolver_closed'
  | 'secret_config_unresolved';

/** Codes after which the same call may succeed without anybody changing anything. */
const RETRYABLE: ReadonlySet<SecretErrorCode> = new Set(['secret_throttled', 'secret_unreachable', 'secret_timed_out']);

/** Facts that help the operator. Never the value, a part of it or its length. */
export interface SecretErrorFacts {
  /** Name of the provider that was asked. */
  readonly provider?: string;
  readonly id?: string;
  /** Who asked: a role, a service account, a user of the operating system. */
  readonly identity?: string;
  /** Where it was looked for: a folder, a vault, a region. */
  readonly location?: string;
  /** The exact permission that is missing. */
  readonly permission?: string;
  /** How long the store asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** What went wrong underneath. Leave it out when its text could hold the value, as a parser's error does. */
  readonly cause?: unknown;
  /** How to fix it. */
  readonly hint?: string;
  /** More facts for a log line. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error about a secret; whether it is retryable follows from the code. */
export function secretError(code: SecretErrorCode, message: string, facts: SecretErrorFacts = {}): RunnerError {
  const { cause, hint, details, ...known } = facts;
  return new RunnerError(code, message, {
    retryable: RETRYABLE.has(code),
    details: { ...known, ...details },
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** True for an error of this package, of whichever copy of it. */
export function isSecretError(error: unknown, code?: SecretErrorCode): error is RunnerError {
  return isRunnerError(error, code) && error.code.startsWith('secret_');
}

const LONGEST_SHOWN = 120;

/** An id as it may stand in a message: quoted, without characters that cannot be seen, at most 120 characters. */
export function shownId(id: string): string {
  const short = id.length > LONGEST_SHOWN ? `${id.slice(0, LONGEST_SHOWN)}…` : id;
  const visible = short.replace(
    /[\p{C}\p{Zl}\p{Zp}"\\]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return `"${visible}"`;
}
