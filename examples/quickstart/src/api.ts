import type { Clock, Random } from '@runner/core';
import { RunnerError, isRunnerError, retry } from '@runner/core';
import type { Server } from './input.ts';

export interface ApiOptions {
  readonly server: Server;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** What sentences for people go through before they are sent. */
  readonly redact: (text: string) => string;
  /** Default: the global fetch. */
  readonly fetch?: typeof fetch;
}

interface CallOptions {
  readonly body?: unknown;
  readonly contentType?: string;
  /** Attempts altogether. Default 3. */
  readonly attempts?: number;
  /** Answer `undefined` instead of failing when there is no such thing. */
  readonly optional?: boolean;
}

/** The REST API of the server this workload reports to. */
export interface Api {
  /** The parsed answer; `undefined` for an empty one. `path` is relative to `/v1/`. */
  call(method: 'GET' | 'PUT' | 'PATCH', path: string, options?: CallOptions): Promise<unknown>;
}

const TIMEOUT_MS = 15_000;

/**
 * Errors have code `server_refused` (an answer that says no) or `server_unreachable` (no answer, or one that may pass:
 * 429 and 5xx), and neither token nor body in them.
 */
export function createApi(options: ApiOptions): Api {
  const { clock, random, signal } = options;
  return {
    call: (method, path, call = {}) =>
      retry(() => once(method, path, call, options), {
        attempts: call.attempts ?? 3,
        floorMs: 200,
        capMs: 5_000,
        clock,
        random,
        signal,
        retryable: (error) => isRunnerError(error) && error.retryable,
      }),
  };
}

async function once(method: string, path: string, call: CallOptions, options: ApiOptions): Promise<unknown> {
  const { server, userAgent, signal } = options;
  const url = `${server.url}/v1/${path}`;
  let response: Response;
  let text: string;
  try {
    response = await (options.fetch ?? fetch)(url, {
      method,
      headers: {
        authorization: `Bearer ${server.token.reveal()}`,
        'user-agent': userAgent,
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: textOf(call.body, options.redact) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    throw new RunnerError('server_unreachable', `the server did not answer ${method} ${path}`, {
      cause,
      retryable: true,
      hint: `check that ${new URL(server.url).origin} can be reached from here`,
    });
  }
  if (response.status === 404 && call.optional === true) return undefined;
  if (!response.ok) throw refusal(response.status, method, path);
  return text === '' ? undefined : parse(text, method, path);
}

/** Fields that hold sentences, which may quote anything; a password may as well be a word that other fields need. */
const SENTENCES: ReadonlySet<string> = new Set(['error', 'errorLog', 'message', 'skipReason']);

function textOf(body: unknown, redact: ApiOptions['redact']): string {
  return JSON.stringify(body, (key, value: unknown) =>
    SENTENCES.has(key) && typeof value === 'string' ? redact(value) : value,
  );
}

function refusal(status: number, method: string, path: string): RunnerError {
  const passing = status === 429 || status >= 500;
  return new RunnerError(
    passing ? 'server_unreachable' : 'server_refused',
    `the server answered ${status} to ${method} ${path}`,
    {
      retryable: passing,
      details: { status },
      ...(status === 401 || status === 403
        ? { hint: 'the token of this run may have ended; a token is good for the run it was made for' }
        : {}),
    },
  );
}

function parse(text: string, method: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RunnerError('server_refused', `the server answered ${method} ${path} with something that is not JSON`, {
      hint: 'hostPort must be the base of the REST API and end with /api',
    });
  }
}
