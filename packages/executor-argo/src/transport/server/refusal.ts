import type { RunnerError } from '@runner/core';
import type { About, ApiStatus, Dialect, Refusal } from '@runner/kube';
import { describeAbout, detailsOf, kubeError, statusError } from '@runner/kube';
import { foreignError } from './foreign.ts';
import { hintFor } from './hints.ts';

/** How Argo Server refuses: gRPC's codes in JSON, with the HTTP status that belongs to them. */
export const ARGO_SERVER: Dialect = { server: 'the Argo Server', refusal: argoRefusal };

/** `{"code": 5, "message": "…"}` of a call; `{"error": {"grpc_code": 5, "http_code": 404, "message": "…"}}` of a stream. */
export interface ArgoFailure {
  readonly grpcCode: number | undefined;
  readonly httpStatus: number | undefined;
  readonly message: string;
}

const END = 'EOF';
/** Codes of gRPC that matter beside their HTTP status. */
const GRPC = { canceled: 1, resourceExhausted: 8, aborted: 10, unimplemented: 12 } as const;

export function failureOf(value: unknown): ArgoFailure | undefined {
  if (!isRecord(value)) return undefined;
  const inner = isRecord(value.error) ? value.error : value;
  const grpcCode = numberOf(inner.grpc_code) ?? numberOf(inner.code);
  if (grpcCode === undefined && !isRecord(value.error)) return undefined;
  const message = typeof inner.message === 'string' ? inner.message : '';
  return { grpcCode, httpStatus: numberOf(inner.http_code), message };
}

/** The end of a watch as Argo says it: an error 429 whose message is `EOF`. Nothing is wrong. */
export function isEnd({ grpcCode, message }: ArgoFailure): boolean {
  return grpcCode === GRPC.resourceExhausted && message === END;
}

/** The same, of a watch that ended before its answer began. */
export function isEarlyEnd(error: RunnerError): boolean {
  return error.code === 'kube_throttled' && error.details.reason === END;
}

/** Argo's words for a stop or terminate that comes too late. */
export function isCompleted(error: RunnerError): boolean {
  return error.code === 'kube_conflict' && error.details.reason === 'Completed';
}

function argoRefusal(about: About, refusal: Refusal): RunnerError {
  const failure = failureOf(parsed(refusal.body));
  if (failure === undefined) return foreignError(about, refusal);
  return failureError(about, { httpStatus: refusal.status, ...withoutUndefined(failure) }, refusal.retryAfterSeconds);
}

/** A failure that Argo tells, of a call or within a stream, as the error it means. */
export function failureError(about: About, failure: ArgoFailure, retryAfterSeconds?: number): RunnerError {
  const { status, httpStatus } = statusFor(failure);
  if (failure.grpcCode === GRPC.unimplemented) return notArgoError(about, httpStatus);
  const error = statusError(about, httpStatus, status, retryAfterSeconds);
  const code = error.code as Parameters<typeof kubeError>[0];
  const hint = hintFor(code, about) ?? error.hint;
  return kubeError(code, error.message, {
    ...(hint === undefined ? {} : { hint }),
    details: error.details,
  });
}

interface Meaning {
  readonly httpStatus: number;
  readonly reason?: string;
}

/**
 * The status that the API server would have answered. Argo keeps it where gRPC has a code for it: 410 and 422 become 400,
 * a 409 loses its reason, and what Argo refuses by itself is a 500.
 */
function meaningOf({ grpcCode, httpStatus = 500, message }: ArgoFailure): Meaning {
  if (/\btoo old resource version\b|\bresourceVersion for the provided \w+ is too old\b/.test(message)) {
    return { httpStatus: 410, reason: 'Expired' };
  }
  if (isEnd({ grpcCode, httpStatus, message })) return { httpStatus: 429, reason: END };
  if (message.startsWith('cannot shutdown a completed workflow')) return { httpStatus: 409, reason: 'Completed' };
  if (/\balready exists$/.test(message)) return { httpStatus: 409, reason: 'AlreadyExists' };
  if (httpStatus === 409) return { httpStatus, reason: 'Conflict' };
  // Too large for etcd, and for gRPC: another try is as large.
  if (/\brequest is too large\b|\blarger than max\b|\bentity too large\b/i.test(message)) return { httpStatus: 413 };
  if (grpcCode === GRPC.canceled || grpcCode === GRPC.aborted) return { httpStatus: 503 };
  return { httpStatus };
}

function statusFor(failure: ArgoFailure): { readonly status: ApiStatus; readonly httpStatus: number } {
  const { httpStatus, reason } = meaningOf(failure);
  const missing = httpStatus === 404 ? /^(\w+)[\w.]* "([^"]*)" not found/.exec(failure.message) : null;
  const status: ApiStatus = {
    code: httpStatus,
    reason,
    message: failure.message,
    kind: missing?.[1],
    name: missing?.[2],
    retryAfterSeconds: undefined,
    causes: [],
  };
  return { status, httpStatus };
}

function notArgoError(about: About, status: number): RunnerError {
  return kubeError('kube_protocol', `${describeAbout(about)}: the server does not know this call`, {
    hint: 'Check the path of the endpoint: it is the address under which the Argo Server serves /api/v1.',
    details: { ...detailsOf(about), status },
  });
}

/** A stream that is refused says so in the form of its events. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^data:/, '')) as unknown;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

function withoutUndefined({
  httpStatus,
  ...rest
}: ArgoFailure): Omit<ArgoFailure, 'httpStatus'> & Partial<ArgoFailure> {
  return httpStatus === undefined ? rest : { ...rest, httpStatus };
}
