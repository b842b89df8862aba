import type { Clock, Logger, Random } from '@runner/core';
import { isAbort, isRunnerError, retry } from '@runner/core';
import type { Circuit } from './circuit.ts';
import { withDeadline } from './deadline.ts';
import { isSecretError, secretError, shownId } from './errors.ts';
import type { Gate } from './gate.ts';
import type { FetchedSecret, SecretProvider } from './provider.ts';

export interface FetchingOptions {
  readonly provider: SecretProvider;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly gate: Gate;
  readonly circuit: Circuit;
  readonly deadlineMs: number;
  readonly attemptTimeoutMs: number;
  readonly attempts: number;
  readonly retryFloorMs: number;
  readonly retryCapMs: number;
}

export interface Fetched {
  readonly secret: FetchedSecret;
  readonly attempts: number;
}

/**
 * One secret, with as many attempts as are worth it. A place in the gate is held only during an attempt, never while
 * waiting for the next; the deadline begins when the first place is had, so that a long queue costs nobody his time.
 */
export async function fetchSecret(id: string, signal: AbortSignal, options: FetchingOptions): Promise<Fetched> {
  const { clock, gate, deadlineMs } = options;
  const first = await gate.enter(signal);
  let attempts = 0;
  let last: unknown;

  const attempt = async (inner: AbortSignal): Promise<FetchedSecret> => {
    attempts += 1;
    const leave = attempts === 1 ? first : await gate.enter(inner, true);
    try {
      return await options.circuit.run(inner, () => oneAttempt(id, inner, options));
    } catch (error) {
      last = error;
      throw error;
    } finally {
      leave();
    }
  };
  const late = (): Error => timedOut(id, deadlineMs, options.provider, last);
  try {
    const secret = await withDeadline((inner) => withRetries(id, () => attempt(inner), inner, options), {
      clock,
      ms: deadlineMs,
      signal,
      late,
    });
    return { secret, attempts };
  } finally {
    // Giving a place back twice is harmless; without an attempt nobody else would.
    first();
  }
}

function withRetries<T>(
  id: string,
  attempt: () => Promise<T>,
  signal: AbortSignal,
  { clock, random, logger, provider, ...options }: FetchingOptions,
): Promise<T> {
  let failures = 0;
  return retry(attempt, {
    // A store that throttles will answer in the end: only the deadline ends that wait.
    attempts: Number.POSITIVE_INFINITY,
    floorMs: options.retryFloorMs,
    capMs: options.retryCapMs,
    clock,
    random,
    signal,
    retryable: (error) => {
      if (isRunnerError(error, 'secret_throttled')) return true;
      failures += 1;
      return failures < options.attempts && isRunnerError(error) && error.retryable;
    },
    retryAfterMs: (error) => {
      const asked = isRunnerError(error) ? error.details['retryAfterMs'] : undefined;
      return typeof asked === 'number' && asked > 0 ? asked : undefined;
    },
    onRetry: (error, count, delayMs) => {
      const { name } = provider.describe();
      logger.debug('reading a secret is tried again', { provider: name, id, attempt: count + 1, delayMs, error });
    },
  });
}

async function oneAttempt(id: string, signal: AbortSignal, options: FetchingOptions): Promise<FetchedSecret> {
  const { provider, clock, attemptTimeoutMs } = options;
  try {
    return await withDeadline((inner) => callProvider(provider, id, inner), {
      clock,
      ms: attemptTimeoutMs,
      signal,
      late: () => timedOut(id, attemptTimeoutMs, provider),
    });
  } catch (error) {
    if (isSecretError(error) || (isAbort(error) && signal.aborted)) throw error;
    throw untyped(id, provider, error);
  }
}

/** A provider that throws instead of rejecting is no worse than one that rejects. */
async function callProvider(provider: SecretProvider, id: string, signal: AbortSignal): Promise<FetchedSecret> {
  return await provider.fetch(id, { signal });
}

function timedOut(id: string, ms: number, provider: SecretProvider, cause?: unknown): Error {
  const { name, location, identity } = provider.describe();
  return secretError(
    isRunnerError(cause, 'secret_throttled') ? 'secret_throttled' : 'secret_timed_out',
    `the secret ${shownId(id)} could not be read within ${ms} ms from ${location}`,
    {
      provider: name,
      id,
      location,
      ...(identity === undefined ? {} : { identity }),
      ...(isRunnerError(cause) ? { cause } : {}),
      hint: 'check that the store can be reached from here and answers',
    },
  );
}

/**
 * An error that is not of this package's kinds. Neither its text nor the error itself goes on: foreign messages quote
 * what they choked on, and that may be the value.
 */
function untyped(id: string, provider: SecretProvider, error: unknown): Error {
  const { name } = provider.describe();
  const kind = error instanceof Error ? error.name : typeof error;
  const errno = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return secretError(
    'secret_provider_failed',
    `the provider ${name} failed on the secret ${shownId(id)} with an error it has no name for (${kind})`,
    {
      provider: name,
      id,
      details: { kind: kind.slice(0, 64), ...(errno === undefined ? {} : { errno: errno.slice(0, 64) }) },
      hint: 'this is a fault of the provider; a provider answers every failure with one of the documented codes',
    },
  );
}
