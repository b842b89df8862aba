import { RunnerError, backoffDelay, isRunnerError, retry } from '@runner/core';
import { testClock, testRandom } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const bounds = { floorMs: 5_000, capMs: 60_000 };

describe('backoffDelay', () => {
  it('always lies between floor and cap, whatever the attempt', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.integer(), (attempt, seed) => {
        const delay = backoffDelay(attempt, bounds, testRandom(seed));
        expect(delay).toBeGreaterThanOrEqual(bounds.floorMs);
        expect(delay).toBeLessThanOrEqual(bounds.capMs);
      }),
    );
  });

  it('spreads over the whole range once the cap is reached', () => {
    const random = testRandom(7);
    const delays = Array.from({ length: 2_000 }, () => backoffDelay(20, bounds, random));
    const quarters = [0, 0, 0, 0];
    for (const d of delays) {
      const at = Math.min(3, Math.floor(((d - bounds.floorMs) / (bounds.capMs - bounds.floorMs)) * 4));
      quarters[at] = (quarters[at] ?? 0) + 1;
    }
    for (const share of quarters) expect(share).toBeGreaterThan(350);
  });
});

describe('retry', () => {
  const options = { ...bounds, attempts: 3, random: testRandom(), retryable: () => true };

  it('gives back the first success and waits between the tries', async () => {
    const clock = testClock();
    const done = retry((attempt) => (attempt < 2 ? Promise.reject(new Error('no')) : Promise.resolve('yes')), {
      ...options,
      clock,
    });
    await clock.advance(120_000);
    await expect(done).resolves.toBe('yes');
  });

  it('throws the last error as it is when the attempts are used up', async () => {
    const clock = testClock();
    let tries = 0;
    const done = retry(() => Promise.reject(new RunnerError('down', `try ${String((tries += 1))}`)), {
      ...options,
      clock,
    }).catch((error: unknown) => error);
    await clock.advance(300_000);
    const error = await done;
    expect(isRunnerError(error, 'down')).toBe(true);
    expect(tries).toBe(3);
  });

  it('does not try again what is not retryable', async () => {
    let tries = 0;
    await retry(() => Promise.reject(new Error(String((tries += 1)))), {
      ...options,
      clock: testClock(),
      retryable: () => false,
    }).catch(() => undefined);
    expect(tries).toBe(1);
  });

  it('waits at least as long as the other side asked', async () => {
    const clock = testClock();
    let second: number | undefined;
    const done = retry(
      (attempt) => {
        if (attempt === 0) return Promise.reject(new Error('slow down'));
        second = clock.monotonic();
        return Promise.resolve();
      },
      { ...options, clock, retryAfterMs: () => 90_000 },
    );
    await clock.advance(90_001);
    await done;
    expect(second).toBeGreaterThanOrEqual(90_000);
  });

  it('stops waiting when aborted', async () => {
    const clock = testClock();
    const abort = new AbortController();
    const done = retry(() => Promise.reject(new Error('no')), { ...options, clock, signal: abort.signal }).catch(
      (error: unknown) => error,
    );
    await clock.settle();
    abort.abort();
    expect(isRunnerError(await done, 'aborted')).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
