import { RunnerError } from '@runner/core';

/** Stable codes of executors; the README has the table. */
export type ExecutorErrorCode =
  | 'executor_unavailable'
  | 'executor_waiting'
  | 'invalid_spec'
  | 'config_too_large'
  | 'template_in_value'
  | 'still_live'
  | 'log_unavailable';

const RETRYABLE: ReadonlySet<ExecutorErrorCode> = new Set(['executor_unavailable', 'executor_waiting']);

/** An error of an executor; whether it is retryable follows from the code. */
export function executorError(
  code: ExecutorErrorCode,
  message: string,
  options: { cause?: unknown; hint?: string; details?: Record<string, unknown> } = {},
): RunnerError {
  return new RunnerError(code, message, { ...options, retryable: RETRYABLE.has(code) });
}
