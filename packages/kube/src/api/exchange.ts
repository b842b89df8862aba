import type { Clock, RunnerError } from '@runner/core';
import { isRunnerError, messageOf, redactText, toRunnerError } from '@runner/core';
import { kubeError } from '../errors.ts';
import type { KubeIdentity } from '../identity/identity.ts';
import { readStart } from './body.ts';
import { connectionError } from './connection-errors.ts';
import type { Dialect } from './dialect.ts';
import type { KubeObserver } from './kube-api.ts';
import type { KubeRequest } from './request.ts';
import { describeAbout, detailsOf } from './request.ts';
import { retryAfterSeconds } from './retry-after.ts';
import type { CallScope } from './scope.ts';
import { orAborted } from './scope.ts';
import type { Transport, TransportAnswer } from './transport.ts';
import { ConnectionFailure } from './transport.ts';

export interface ExchangeOptions {
  readonly identity: KubeIdentity;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly observer: KubeObserver | undefined;
  readonly userAgent: string;
  readonly dialect: Dialect;
}

/**
 * How a failed try goes on: not at all, after a delay, at once on another connection, or at once with new credentials.
 */
export type Repeat = 'never' | 'later' | 'fresh_connection' | 'fresh_credentials';

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RunnerError; readonly repeat: Repeat };

export interface Try {
  readonly request: KubeRequest;
  readonly scope: CallScope;
  readonly stream: boolean;
  /** The last credentials were refused. */
  readonly refresh: boolean;
}

/** One request: sent once, its answer used or turned into the error it means. Never throws. */
export type Exchange = <T>(once: Try, use: (answer: TransportAnswer) => Promise<T>) => Promise<Outcome<T>>;

/** Bytes of a refusal that are read for its message. */
const REFUSAL_BYTES = 64 * 1024;

export function createExchange(options: ExchangeOptions): Exchange {
  return async (once, use) => {
    const { scope, request } = once;
    try {
      return { ok: true, value: await attempt(options, once, use) };
    } catch (error) {
      if (scope.signal.aborted) return { ok: false, error: scope.signal.reason as RunnerError, repeat: 'never' };
      return judge(options, request, error);
    }
  };
}

async function attempt<T>(
  options: ExchangeOptions,
  once: Try,
  use: (answer: TransportAnswer) => Promise<T>,
): Promise<T> {
  const { clock, observer, transport } = options;
  const { request, scope } = once;
  const authorization = await authorize(options, scope, once.refresh);
  const began = clock.monotonic();
  let status = 0;
  try {
    const answer = await transport.send({
      method: request.method,
      path: request.path,
      headers: headersOf(request, authorization, options.userAgent),
      ...(request.body === undefined ? {} : { body: request.body }),
      stream: once.stream,
      signal: scope.signal,
    });
    status = answer.status;
    if (status < 200 || status > 299) throw await refusalOf(options, request, answer);
    return await use(answer);
  } catch (error) {
    if (error instanceof ConnectionFailure) status = 0;
    throw error;
  } finally {
    const { verb, resource } = request.about;
    observer?.called?.({ verb, resource, status, seconds: (clock.monotonic() - began) / 1000 });
  }
}

async function authorize(
  { identity, dialect }: ExchangeOptions,
  scope: CallScope,
  refresh: boolean,
): Promise<string | undefined> {
  try {
    return await orAborted(identity.authorization({ refresh, signal: scope.signal }), scope.signal);
  } catch (error) {
    if (isRunnerError(error)) throw error;
    throw kubeError('kube_unauthorized', `no credentials for ${dialect.server}: ${redactText(messageOf(error))}`, {
      cause: error,
    });
  }
}

function headersOf(
  request: KubeRequest,
  authorization: string | undefined,
  userAgent: string,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {
    accept: request.accept ?? 'application/json',
    'user-agent': userAgent,
  };
  if (authorization !== undefined) headers.authorization = authorization;
  if (request.body !== undefined) {
    headers['content-type'] = request.contentType ?? 'application/json';
    headers['content-length'] = String(Buffer.byteLength(request.body));
  }
  return headers;
}

async function refusalOf(
  { clock, dialect }: ExchangeOptions,
  request: KubeRequest,
  answer: TransportAnswer,
): Promise<RunnerError> {
  const body = await readStart(answer.stream, REFUSAL_BYTES);
  const after = retryAfterSeconds(answer.headers['retry-after'], clock.now());
  return dialect.refusal(request.about, {
    status: answer.status,
    body,
    ...(after === undefined ? {} : { retryAfterSeconds: after }),
  });
}

/** Which failures go on, and how. */
function judge<T>({ identity, dialect }: ExchangeOptions, request: KubeRequest, thrown: unknown): Outcome<T> {
  if (thrown instanceof ConnectionFailure) {
    const { error, repeat } = connectionError(request.about, identity.place.server, thrown, dialect.server);
    return { ok: false, error, repeat: thrown.stale ? 'fresh_connection' : repeat ? 'later' : 'never' };
  }
  if (!isRunnerError(thrown)) {
    const error = kubeError('kube_protocol', `${describeAbout(request.about)}: ${messageOf(thrown)}`, {
      cause: toRunnerError(thrown).cause,
      details: detailsOf(request.about),
    });
    return { ok: false, error, repeat: 'never' };
  }
  return { ok: false, error: thrown, repeat: repeatOf(thrown) };
}

function repeatOf(error: RunnerError): Repeat {
  switch (error.code) {
    // Only an answer of the server; credentials that could not be had were tried as far as their owner tries.
    case 'kube_unauthorized':
      return error.details.status === 401 ? 'fresh_credentials' : 'never';
    case 'kube_throttled':
    case 'kube_server_error':
      return 'later';
    default:
      return 'never';
  }
}
