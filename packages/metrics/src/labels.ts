/**
 * Label values that may appear; everything else becomes `other`, so that no text from the wire, from a policy or from a
 * bug can make the number of series grow without bound.
 */
export interface LabelSet {
  of(value: string): string;
  readonly values: readonly string[];
}

export const OTHER = 'other';

export function createLabelSet(known: readonly string[]): LabelSet {
  const values = new Set([...known, OTHER]);
  return { of: (value) => (values.has(value) ? value : OTHER), values: [...values] };
}

/** Codes with which runs are refused: by the executors' contract, by dispatch, by the agent's own policy. */
export const REFUSAL_CODES = [
  'invalid_spec',
  'config_too_large',
  'template_in_value',
  'executor_failed',
  'policy_failed',
  'plaintext_secret',
  'invalid_secret_reference',
] as const;

/** Codes with which runs wait. */
export const WAIT_CODES = [
  'no_slot',
  'draining',
  'executor_unavailable',
  'executor_waiting',
  'executor_timeout',
  'executor_failed',
] as const;

/** Categories of diagnoses, as the executors' port has them; `none` while there is no diagnosis. */
export const PENDING_CATEGORIES = [
  'none',
  'scheduling',
  'image',
  'quota',
  'admission',
  'configuration',
  'secret',
  'authentication',
  'version',
  'program',
  'out_of_memory',
  'disk',
  'evicted',
  'deadline',
  'node_lost',
  'signal',
  'suspended',
  'lost',
  'unknown',
] as const;

export const ROLES = ['active', 'standby', 'blocked', 'none'] as const;

/** Codes of the WebSocket layer and of the bridge protocol. */
export const CLOSE_CODES = [
  ...['1000', '1001', '1002', '1006', '1009', '1011', '1012'],
  ...['4400', '4401', '4403', '4406', '4408', '4409', '4410', '4413', '4422', '4428', '4429', '4503'],
] as const;

/** Why no socket could be opened: what the token itself shows, the way, and what answered at its end. */
export const CONNECT_CODES = [
  ...['token_empty', 'token_not_a_jwt', 'token_expired', 'token_other_audience'],
  ...['connect_no_token', 'connect_bad_token', 'connect_bad_url'],
  ...['proxy_unreachable', 'proxy_authentication', 'proxy_refused', 'connect_proxy_auth'],
  ...['connect_dns', 'connect_refused', 'connect_timeout', 'connect_unreachable', 'connect_reset'],
  ...['connect_tls', 'connect_tls_untrusted', 'connect_tls_expired', 'connect_tls_name'],
  ...['connect_unauthorized', 'connect_forbidden', 'connect_not_found', 'connect_unavailable', 'connect_failed'],
  ...['connect_wrong_protocol', 'server_without_bridge'],
] as const;

export const IGNORED_REASONS = [
  'unknown_type',
  'stale_epoch',
  'unknown_epoch',
  'not_active',
  'unknown_stream',
  'unsent',
  'invalid',
] as const;

export const IMPOSSIBLE_EVENTS = [
  'start_while_inactive',
  'slot_underflow',
  'reporter_threw',
  'fault_hook_threw',
  'task_failed',
] as const;
