import type { BackoffOptions, Clock, Logger, Random, RunnerError } from '@runner/core';
import { backoffDelay, isRunnerError } from '@runner/core';
import { kubeError } from '../errors.ts';
import { chunksOf, readBody } from './body.ts';
import { connectionError } from './connection-errors.ts';
import type { Dialect } from './dialect.ts';
import type { Exchange, Outcome, Repeat } from './exchange.ts';
import type { KubeRequest } from './request.ts';
import { describeAbout, detailsOf } from './request.ts';
import type { CallScope } from './scope.ts';
import { openScope } from './scope.ts';
import { isRecord, parseJson } from './status.ts';
import type { Transport, TransportAnswer } from './transport.ts';
import { ConnectionFailure } from './transport.ts';

export interface CallerOptions {
  readonly exchange: Exchange;
  readonly transport: Transport;
  /** For messages. */
  readonly server: string;
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For all tries of a call together, in milliseconds. */
  readonly timeoutMs: number;
  readonly retry: BackoffOptions;
}

export interface JsonCall {
  /** Longest answer, in bytes. */
  readonly limit: number;
  /** Failures that are worth another try besides those of the connection and the server. */
  readonly alsoRepeat?: (error: RunnerError) => boolean;
}

export interface StreamCall {
  /** False: a failure that would be waited for is thrown; what can be repeated at once still is. */
  readonly repeat: boolean;
  /** Milliseconds until the head of the answer, where a server takes longer for that than for its calls. */
  readonly timeoutMs?: number;
}

/** Requests with a deadline, tried as often as makes sense. */
export interface Caller {
  /** The answer, parsed. */
  json(request: KubeRequest, signal: AbortSignal, call: JsonCall): Promise<Readonly<Record<string, unknown>>>;
  /** Opens a stream. The deadline ends with the head of the answer, the signal counts until the last byte. */
  open(request: KubeRequest, signal: AbortSignal, call: StreamCall): Promise<AsyncIterable<Uint8Array>>;
  /** From now on everything fails. */
  close(): void;
}

/** Kept-alive connections of one pool that may be dead together; after so many the server is to blame. */
const MOST_STALE = 2;

export function createCaller(options: CallerOptions): Caller {
  const live = new Set<Call>();
  let closed = false;
  const begin = (request: KubeRequest, signal: AbortSignal, timeoutMs = options.timeoutMs): Call => {
    if (closed) throw closedError(request);
    const call = beginCall(options.clock, timeoutMs, request, signal);
    live.add(call);
    return call;
  };
  const finish = (call: Call): void => {
    live.delete(call);
    call.scope.release();
  };
  return {
    json: async (request, signal, wanted) => {
      const call = begin(request, signal);
      try {
        return await run(options, call, { repeat: true, stream: false, ...wanted }, async (answer) =>
          parsed(
            options.dialect,
            request,
            answer.status,
            await readBody(answer.stream, wanted.limit, call.scope.signal),
          ),
        );
      } finally {
        finish(call);
      }
    },
    open: async (request, signal, wanted) => {
      const call = begin(request, signal, wanted.timeoutMs);
      try {
        const answer = await run(options, call, { ...wanted, stream: true }, (opened) => Promise.resolve(opened));
        call.scope.disarm();
        if (answer.stream.closed) finish(call);
        else answer.stream.once('close', () => finish(call));
        return streamOf(options, call, answer);
      } catch (error) {
        finish(call);
        throw error;
      }
    },
    close: () => {
      closed = true;
      for (const { scope, request } of live) scope.end(closedError(request));
      options.transport.close();
    },
  };
}

interface Call {
  readonly request: KubeRequest;
  readonly scope: CallScope;
  /** What the last try failed with; the cause of a deadline. */
  failed: RunnerError | undefined;
}

function beginCall(clock: Clock, timeoutMs: number, request: KubeRequest, signal: AbortSignal): Call {
  const timeout = (): Error =>
    kubeError('kube_timeout', `${describeAbout(request.about)}: not done within ${timeoutMs} ms`, {
      details: detailsOf(request.about),
      ...(call.failed === undefined ? {} : { cause: call.failed }),
    });
  const call: Call = { request, scope: openScope(clock, timeoutMs, signal, timeout), failed: undefined };
  return call;
}

interface RunOptions {
  readonly repeat: boolean;
  readonly stream: boolean;
  readonly alsoRepeat?: (error: RunnerError) => boolean;
}

async function run<T>(
  options: CallerOptions,
  call: Call,
  wanted: RunOptions,
  use: (answer: TransportAnswer) => Promise<T>,
): Promise<T> {
  const { exchange, transport } = options;
  const { request, scope } = call;
  let waits = 0;
  let stale = 0;
  let refreshed = false;
  for (let refresh = false; ;) {
    const outcome: Outcome<T> = await exchange({ request, scope, stream: wanted.stream, refresh }, use);
    if (outcome.ok) return outcome.value;
    const { error } = outcome;
    const repeat: Repeat = outcome.repeat;
    refresh = repeat === 'fresh_credentials' && !refreshed;
    // What this connection suffers from, its idle neighbours may as well: a restarted server, a forgotten NAT entry.
    if (repeat === 'fresh_connection' || isRunnerError(error, 'kube_timeout')) transport.dropIdle();
    if (refresh) {
      refreshed = true;
    } else if (repeat === 'fresh_connection' && stale < MOST_STALE) {
      stale += 1;
    } else if (wanted.repeat && isWorthWaiting(repeat, error, wanted)) {
      call.failed = error;
      await waitBeforeNext(options, call, error, waits);
      waits += 1;
    } else {
      throw error;
    }
  }
}

const isWorthWaiting = (repeat: Repeat, error: RunnerError, wanted: RunOptions): boolean =>
  repeat === 'later' || repeat === 'fresh_connection' || wanted.alsoRepeat?.(error) === true;

/** Throws the failure at once when there is no time for another try. */
async function waitBeforeNext(options: CallerOptions, call: Call, failed: RunnerError, waits: number): Promise<void> {
  const { clock, random, retry, logger } = options;
  const { scope, request } = call;
  const asked = failed.details.retryAfterSeconds;
  // Jitter comes on top of what the server asked for: it asks everybody for the same.
  const delay = (typeof asked === 'number' ? asked * 1000 : 0) + backoffDelay(waits, retry, random);
  if (clock.monotonic() + delay >= scope.deadline) throw failed;
  logger.debug(`call to ${options.dialect.server} is repeated`, {
    call: describeAbout(request.about),
    code: failed.code,
    status: failed.details.status,
    delayMs: Math.round(delay),
  });
  try {
    await clock.sleep(delay, scope.signal);
  } catch {
    throw scope.signal.reason;
  }
}

function parsed(
  { server }: Dialect,
  request: KubeRequest,
  status: number,
  text: string,
): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (isRecord(value)) return value;
  throw kubeError(
    'kube_protocol',
    `${describeAbout(request.about)}: status ${status} with an answer that is no JSON object`,
    {
      hint: `Check the address of ${server}; a proxy or a login page may answer there.`,
      details: { ...detailsOf(request.about), status },
    },
  );
}

async function* streamOf(options: CallerOptions, call: Call, answer: TransportAnswer): AsyncGenerator<Uint8Array> {
  try {
    yield* chunksOf(answer.stream, call.scope.signal);
  } catch (error) {
    if (!(error instanceof ConnectionFailure)) throw error;
    throw connectionError(call.request.about, options.server, error, options.dialect.server).error;
  }
}

function closedError(request: KubeRequest): RunnerError {
  return kubeError('kube_unreachable', `${describeAbout(request.about)}: the client is closed`, {
    details: detailsOf(request.about),
  });
}
