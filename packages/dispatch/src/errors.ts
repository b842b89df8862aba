import { RunnerError, isRunnerError, messageOf } from '@runner/core';
import type { Problem } from './ports.ts';

/** Stable codes that dispatch itself gives; codes of the policy and of executors pass through unchanged. README has the table. */
export type DispatchErrorCode =
  'no_slot' | 'draining' | 'policy_failed' | 'executor_timeout' | 'executor_failed' | 'invalid_options';

const RETRYABLE: ReadonlySet<DispatchErrorCode> = new Set(['no_slot', 'draining', 'executor_timeout']);

/** An error of dispatch; whether it is retryable follows from the code. */
export function dispatchError(
  code: DispatchErrorCode,
  message: string,
  options: { cause?: unknown; hint?: string } = {},
): RunnerError {
  return new RunnerError(code, message, { ...options, retryable: RETRYABLE.has(code) });
}

/** What a failure tells the control plane: code and sentences, never the cause chain. */
export function problemOf(error: unknown): Problem {
  if (!isRunnerError(error)) return { code: 'executor_failed', message: messageOf(error) };
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}
