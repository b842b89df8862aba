import { RunnerError } from '@runner/core';

/** Stable codes of this package; the README has the table. */
export type MetricsErrorCode = 'address_in_use' | 'listen_failed' | 'invalid_path';

/** An error of the metrics or health endpoint. None is worth a retry without a change of the configuration. */
export function metricsError(
  code: MetricsErrorCode,
  message: string,
  options: { cause?: unknown; hint?: string } = {},
): RunnerError {
  return new RunnerError(code, message, options);
}
