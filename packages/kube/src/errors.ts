import { RunnerError } from '@runner/core';

/** Stable codes of the Kubernetes port; the README has the table. */
export type KubeErrorCode =
  /** No connection, no name, TLS refused, connection cut. */
  | 'kube_unreachable'
  /** The deadline of the call passed. */
  | 'kube_timeout'
  /** 429, after the retries. */
  | 'kube_throttled'
  /** 5xx, after the retries. */
  | 'kube_server_error'
  /** 401, after the credentials were read again. */
  | 'kube_unauthorized'
  /** 403 by RBAC: `details` says verb, resource and namespace. */
  | 'kube_forbidden'
  /** 403 because a ResourceQuota is used up. */
  | 'kube_quota_exceeded'
  /** Refused by admission: a webhook, Pod Security, a policy. */
  | 'kube_admission_denied'
  /** 400, 413, 422: the object itself is wrong. */
  | 'kube_invalid'
  /** 409 on a change: somebody else changed it first. */
  | 'kube_conflict'
  /** 404 where that is an error: the namespace, or the kind, does not exist. */
  | 'kube_not_found'
  /** 410: the resource version is too old; list again. */
  | 'kube_expired'
  /** What came back is not what the API speaks. */
  | 'kube_protocol'
  /** Kubeconfig or service account files are missing or make no sense. */
  | 'kube_config_invalid';

const RETRYABLE: ReadonlySet<KubeErrorCode> = new Set<KubeErrorCode>([
  'kube_unreachable',
  'kube_timeout',
  'kube_throttled',
  'kube_server_error',
  'kube_unauthorized',
  'kube_quota_exceeded',
  'kube_conflict',
  'kube_expired',
]);

export interface KubeErrorDetails {
  readonly status?: number;
  /** `reason` of the API's Status: `Forbidden`, `AlreadyExists`. */
  readonly reason?: string;
  readonly verb?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly retryAfterSeconds?: number;
  /** What a 404 is about. */
  readonly missing?: 'object' | 'namespace' | 'kind';
}

/** An error of the Kubernetes port; whether it is retryable follows from the code. */
export function kubeError(
  code: KubeErrorCode,
  message: string,
  options: { readonly cause?: unknown; readonly hint?: string; readonly details?: KubeErrorDetails } = {},
): RunnerError {
  const { details, ...rest } = options;
  return new RunnerError(code, message, {
    ...rest,
    retryable: RETRYABLE.has(code),
    ...(details === undefined ? {} : { details: { ...details } }),
  });
}
