import type { RunnerError } from '@runner/core';
import { redactText } from '@runner/core';
import type { KubeErrorCode } from '../errors.ts';
import { kubeError } from '../errors.ts';
import { hintFor } from './hints.ts';
import type { About } from './request.ts';
import { describeAbout, detailsOf } from './request.ts';
import type { ApiStatus } from './status.ts';
import { parseJson, statusOf } from './status.ts';

/** An answer that is not a success: its status, and the beginning of its body. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly retryAfterSeconds?: number;
}

/** Longest message of the API in an error, in bytes. */
const MESSAGE_BYTES = 1024;

/** An answer other than 2xx as the error it means. */
export function refusalError(about: About, refusal: Refusal): RunnerError {
  const status = statusOf(parseJson(refusal.body));
  if (status === undefined) return foreignError(about, refusal);
  return statusError(about, refusal.status, status, refusal.retryAfterSeconds);
}

/** A Status of the API, from an answer or from an ERROR event of a watch. */
export function statusError(
  about: About,
  httpStatus: number,
  status: ApiStatus,
  retryAfterSeconds = status.retryAfterSeconds,
): RunnerError {
  const kind = classify(about, httpStatus, status);
  const said = safeMessage(status.message);
  const hint = hintFor(kind, about, status);
  return kubeError(kind.code, `${describeAbout(about)}: ${said === '' ? `status ${httpStatus}` : said}`, {
    ...(hint === undefined ? {} : { hint }),
    details: {
      ...detailsOf(about),
      status: httpStatus,
      ...(status.reason === undefined ? {} : { reason: status.reason }),
      ...(kind.missing === undefined ? {} : { missing: kind.missing }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  });
}

export interface Kind {
  readonly code: KubeErrorCode;
  readonly missing?: 'object' | 'namespace' | 'kind';
}

function classify(about: About, httpStatus: number, status: ApiStatus): Kind {
  // A webhook and a policy choose the status of their refusal, so their words count, not the number.
  if (isPolicyRefusal(status.message)) return { code: 'kube_admission_denied' };
  switch (httpStatus) {
    case 401:
      return { code: 'kube_unauthorized' };
    case 403:
      return classifyForbidden(status);
    case 404:
      return classifyMissing(about, status);
    case 409:
      return { code: 'kube_conflict' };
    case 410:
      return { code: 'kube_expired' };
    case 429:
      return { code: 'kube_throttled' };
    default:
      if (httpStatus >= 500) return { code: 'kube_server_error' };
      return { code: httpStatus >= 400 ? 'kube_invalid' : 'kube_protocol' };
  }
}

const isPolicyRefusal = (message: string): boolean =>
  /^admission webhook "[^"]*" denied the request/.test(message) || /\bValidatingAdmissionPolicy '/.test(message);

/**
 * 403 has four meanings; all carry the reason `Forbidden`. RBAC's sentence names the user and what it cannot do, quota
 * and admission say their own after the same beginning.
 */
function classifyForbidden(status: ApiStatus): Kind {
  const { message } = status;
  if (/(^|: )exceeded quota: /.test(message)) return { code: 'kube_quota_exceeded' };
  if (status.causes.includes('NamespaceTerminating')) return { code: 'kube_not_found', missing: 'namespace' };
  if (/forbidden: User "[^"]*" cannot /.test(message) || !/ is forbidden: /.test(message)) {
    return { code: 'kube_forbidden' };
  }
  return { code: 'kube_admission_denied' };
}

function classifyMissing(about: About, status: ApiStatus): Kind {
  if (status.kind === 'namespaces' && about.resource !== 'namespaces') {
    return { code: 'kube_not_found', missing: 'namespace' };
  }
  // Without a name it is the address that the server does not know.
  return { code: 'kube_not_found', missing: status.name === undefined ? 'kind' : 'object' };
}

/** Something other than the API answered: a proxy, a load balancer, a server that is still starting. */
function foreignError(about: About, refusal: Refusal): RunnerError {
  const { status } = refusal;
  const code = foreignCode(status, refusal.body);
  return kubeError(code, `${describeAbout(about)}: status ${status} with an answer that is not the Kubernetes API's`, {
    hint:
      code === 'kube_not_found'
        ? 'The server does not serve this group and version: is it installed there?'
        : 'A proxy or load balancer may stand in between: check the address of the API server.',
    details: {
      ...detailsOf(about),
      status,
      ...(code === 'kube_not_found' ? { missing: 'kind' as const } : {}),
      ...(refusal.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: refusal.retryAfterSeconds }),
    },
  });
}

function foreignCode(status: number, body: string): KubeErrorCode {
  if (status >= 500) return 'kube_server_error';
  if (status === 429) return 'kube_throttled';
  if (status === 401) return 'kube_unauthorized';
  // What the API server writes where nothing is registered.
  if (status === 404 && body.startsWith('404 page not found')) return 'kube_not_found';
  return 'kube_protocol';
}

/**
 * What the API said, safe to show: without credentials, and at most 1 KiB. Decoders of old servers quote the object
 * around a mistake, which may be a config; that part is left out.
 */
export function safeMessage(message: string): string {
  const quoteAt = message.indexOf(', error found in #');
  const own = quoteAt === -1 ? message : message.slice(0, quoteAt);
  const bytes = Buffer.from(redactText(own.trim()), 'utf8');
  if (bytes.length <= MESSAGE_BYTES) return bytes.toString('utf8');
  // A character that is cut in two becomes U+FFFD, which is dropped.
  return `${bytes
    .subarray(0, MESSAGE_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
