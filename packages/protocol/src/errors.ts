import { RunnerError } from '@runner/core';

/** Stable codes of this package; the README has the table. */
export type ProtocolErrorCode =
  | 'invalid_frame'
  | 'frame_too_large'
  | 'connect_bad_url'
  | 'connect_no_token'
  | 'connect_bad_token'
  | 'connect_dns'
  | 'connect_refused'
  | 'connect_timeout'
  | 'connect_unreachable'
  | 'connect_reset'
  | 'connect_tls_untrusted'
  | 'connect_tls_expired'
  | 'connect_tls_name'
  | 'connect_tls'
  | 'connect_unauthorized'
  | 'connect_forbidden'
  | 'connect_not_found'
  | 'connect_proxy_auth'
  | 'connect_unavailable'
  | 'connect_wrong_protocol'
  | 'connect_failed';

/** Of all others a person has to change something first. */
const RETRYABLE: ReadonlySet<ProtocolErrorCode> = new Set([
  'connect_dns',
  'connect_refused',
  'connect_timeout',
  'connect_unreachable',
  'connect_reset',
  'connect_unavailable',
  'connect_failed',
]);

/** An error of this package; whether it is retryable follows from the code. */
export function protocolError(
  code: ProtocolErrorCode,
  message: string,
  options: { cause?: unknown; hint?: string; details?: Readonly<Record<string, unknown>> } = {},
): RunnerError {
  return new RunnerError(code, message, { ...options, retryable: RETRYABLE.has(code) });
}
