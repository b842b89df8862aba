import type { SecretErrorCode } from '../errors.ts';

/** Exit statuses of `check` and `get`, by what failed; the README has the table. */
export const EXIT_OK = 0;
/** Several references failed for different reasons. */
export const EXIT_SEVERAL = 1;
export const EXIT_USAGE = 2;
/** `exec` could not begin; what the program itself returns is handed on. */
export const EXIT_EXEC_FAILED = 125;

const CLASSES: Readonly<Record<SecretErrorCode, number>> = {
  secret_not_found: 10,
  secret_key_missing: 10,
  secret_forbidden: 11,
  secret_throttled: 12,
  secret_unreachable: 13,
  secret_timed_out: 13,
  secret_malformed_id: 14,
  secret_misconfigured: 15,
  secret_sdk_missing: 15,
  secret_empty: 16,
  secret_binary: 16,
  secret_disabled: 16,
  secret_integrity: 16,
  secret_provider_failed: 17,
  secret_resolver_closed: 17,
  secret_config_unresolved: 17,
};

/** The exit status for these failures: their class when they share one. */
export function exitCodeOf(codes: readonly string[]): number {
  const classes = new Set(codes.map((code) => (CLASSES[code as SecretErrorCode] as number | undefined) ?? 17));
  const [only] = classes;
  if (only === undefined) return EXIT_OK;
  return classes.size === 1 ? only : EXIT_SEVERAL;
}
