import { isRunnerError, messageOf } from '@runner/core';

/** The `code` of a system error; of several tries (IPv6 and IPv4) that of the first. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  return Array.isArray(errors) ? systemCode(errors[0]) : undefined;
}

/** Message and fix of anything that was thrown. */
export function wordsOf(error: unknown): { readonly message: string; readonly fix: string | undefined } {
  return { message: messageOf(error), fix: isRunnerError(error) ? error.hint : undefined };
}
