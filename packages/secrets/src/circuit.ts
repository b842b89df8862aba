import type { BackoffOptions, Clock, Random } from '@runner/core';
import { abortError, backoffDelay } from '@runner/core';
import type { SecretErrorCode } from './errors.ts';
import { isSecretError, secretError } from './errors.ts';
import { createPace } from './pace.ts';
import type { SecretProviderDescription } from './provider.ts';

/**
 * Keeps a store that is down or overloaded from being asked in a loop, whatever the number of secrets. After so many
 * failures in a row that may pass, nothing is asked for a while: calls wait while the store is throttling and fail at once
 * while it is out of reach. Then one call tries, and the others go on when it succeeds, at the pace the store can bear.
 */
export interface Circuit {
  /** Runs one attempt when that is allowed. */
  run<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T>;
  readonly state: 'closed' | 'open' | 'trying';
}

export interface CircuitOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Failures in a row that open it. */
  readonly threshold: number;
  readonly describe: () => SecretProviderDescription;
}

const PASSING: ReadonlySet<string> = new Set<SecretErrorCode>([
  'secret_throttled',
  'secret_unreachable',
  'secret_timed_out',
]);

export function createCircuit({ clock, random, threshold, describe, ...bounds }: CircuitOptions): Circuit {
  let failures = 0;
  let opened = 0;
  let openUntil = 0;
  let last: SecretErrorCode = 'secret_unreachable';
  let trial: Promise<unknown> | undefined;

  const isOpen = (): boolean => openUntil > 0;
  const succeed = (): void => {
    failures = 0;
    opened = 0;
    openUntil = 0;
  };
  const pace = createPace(clock);
  const fail = (error: unknown, began: number, openedBefore: number): void => {
    // A store that says no is one that answers; an abort says nothing about it.
    if (!isSecretError(error)) return;
    if (!PASSING.has(error.code)) {
      succeed();
      return;
    }
    failures += 1;
    last = error.code as SecretErrorCode;
    if (last === 'secret_throttled') pace.throttled(began);
    const asked = error.details['retryAfterMs'];
    const wanted = typeof asked === 'number' ? asked : 0;
    if (failures < threshold && !(last === 'secret_throttled' && wanted > 0)) return;
    // It was opened while this call was under way, by others of the same moment: they are one failure, not many.
    if (isOpen() && opened !== openedBefore) {
      openUntil = Math.max(openUntil, clock.monotonic() + wanted);
      return;
    }
    const pause = Math.max(wanted, backoffDelay(opened, bounds, random));
    opened += 1;
    openUntil = Math.max(openUntil, clock.monotonic() + pause);
  };
  const refuse = (waitMs: number): Error => {
    const { name, location } = describe();
    return secretError(last, `${location} has failed repeatedly and is left alone for a moment`, {
      provider: name,
      location,
      retryAfterMs: waitMs,
      details: { circuit: 'open' },
    });
  };
  const beginTrial = (): (() => void) => {
    let release: () => void = () => undefined;
    trial = new Promise<void>((resolve) => {
      release = resolve;
    });
    return () => {
      trial = undefined;
      release();
    };
  };
  /** The function that ends the trial, for the one call that makes it. */
  const admitted = async (signal: AbortSignal): Promise<(() => void) | undefined> => {
    while (isOpen()) {
      const wait = openUntil - clock.monotonic();
      if (wait > 0) {
        if (last !== 'secret_throttled') throw refuse(wait);
        await clock.sleep(wait, signal);
      } else if (trial === undefined) {
        return beginTrial();
      } else {
        await untilEither(trial, signal);
      }
    }
    return undefined;
  };
  const paced = async (signal: AbortSignal): Promise<(() => void) | undefined> => {
    for (;;) {
      const endTrial = await admitted(signal);
      if (endTrial !== undefined) {
        pace.outOfTurn();
        return endTrial;
      }
      await pace.turn(signal);
      // It may have been opened meanwhile; then everybody waits for a new turn.
      if (!isOpen()) return undefined;
    }
  };
  const attemptNoted = async <T>(attempt: () => Promise<T>): Promise<T> => {
    const began = clock.monotonic();
    const openedBefore = opened;
    try {
      const result = await attempt();
      succeed();
      pace.succeeded();
      return result;
    } catch (error) {
      fail(error, began, openedBefore);
      throw error;
    }
  };
  return {
    get state() {
      if (!isOpen()) return 'closed';
      return trial === undefined ? 'open' : 'trying';
    },
    run: async (signal, attempt) => {
      const endTrial = await paced(signal);
      try {
        return await attemptNoted(attempt);
      } finally {
        endTrial?.();
      }
    },
  };
}

/** Waits for the trial, or until the caller has had enough; the next look at the signal ends its wait. */
function untilEither(trial: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    void trial.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
