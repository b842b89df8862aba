import type { BackoffOptions, Clock, Logger, Random } from '@runner/core';
import { isRunnerError, retry, untilAborted } from '@runner/core';
import { registryError } from './failures.ts';
import type { RegistryToken, RegistryTokens } from './tokens.ts';

export interface AskingOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For all tries together. Default 60,000 ms. */
  readonly deadlineMs?: number;
  /** Default 500 to 10,000 ms, full jitter. */
  readonly backoff?: BackoffOptions;
}

const DEADLINE_MS = 60_000;
const ATTEMPTS = 8;
const BACKOFF: BackoffOptions = { floorMs: 500, capMs: 10_000 };

/**
 * A token, asked for again while the failure may pass and the deadline allows. Whoever asks for a wait that goes beyond
 * the deadline is not asked again. Rejects with the last failure, or `registry_timed_out` when there was none yet.
 */
export async function askForToken(tokens: RegistryTokens, options: AskingOptions): Promise<RegistryToken> {
  const { clock, random, logger, signal, deadlineMs = DEADLINE_MS, backoff = BACKOFF } = options;
  const over = new AbortController();
  const end = clock.monotonic() + deadlineMs;
  const timer = clock.setTimer(deadlineMs, () => over.abort());
  const either = AbortSignal.any([signal, over.signal]);
  let last: Error | undefined;
  const attempt = async (): Promise<RegistryToken> => {
    try {
      // What gives out identities in a cloud may hang, and the vendors' libraries heed no signal while they ask it.
      return await untilAborted(tokens.token(either), either);
    } catch (error) {
      if (!either.aborted && error instanceof Error) last = error;
      throw error;
    }
  };
  try {
    return await retry(attempt, {
      ...backoff,
      clock,
      random,
      attempts: ATTEMPTS,
      signal: either,
      retryable: (error) => isRunnerError(error) && error.retryable && clock.monotonic() + (waitOf(error) ?? 0) < end,
      retryAfterMs: waitOf,
      onRetry: (error, _, delayMs) =>
        logger.warn('no token yet, asking again', { error, delayMs: Math.round(delayMs) }),
    });
  } catch (error) {
    if (!over.signal.aborted || signal.aborted) throw error;
    throw last ?? registryError('registry_timed_out', `there was no token within ${deadlineMs / 1_000} s`);
  } finally {
    timer.cancel();
  }
}

function waitOf(error: unknown): number | undefined {
  const wait = isRunnerError(error) ? error.details['retryAfterMs'] : undefined;
  return typeof wait === 'number' ? wait : undefined;
}
