import { testClock, testRandom } from '@runner/core/testing';
import type { TestClock } from '@runner/core/testing';
import type { SecretProvider, SecretResolution, SecretResolverOptions } from '@runner/secrets';
import { createSecretResolver, secretError, secretText } from '@runner/secrets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Store {
  /** Calls that are served in any second; the others are throttled. */
  readonly limit: number;
  readonly latencyMs: number;
  readonly retryAfterMs?: number | undefined;
  /** Until then, by the clock, every call is throttled. */
  readonly closedUntil?: number;
}

interface Counted extends SecretProvider {
  readonly calls: readonly number[];
  refused(): number;
}

/** A store that counts as stores do: in a second that slides, refused calls included. */
function throttlingStore(clock: TestClock, { limit, latencyMs, retryAfterMs, closedUntil = 0 }: Store): Counted {
  const calls: number[] = [];
  let refused = 0;
  return {
    calls,
    refused: () => refused,
    describe: () => ({ name: 'memory', location: 'a store' }),
    fetch: async (id, { signal }) => {
      const now = clock.monotonic();
      calls.push(now);
      const over = now < closedUntil || calls.filter((at) => at > now - 1_000).length > limit;
      if (latencyMs > 0) await clock.sleep(latencyMs, signal);
      if (!over) return secretText(`value of ${id}`, { provider: 'memory', id });
      refused += 1;
      throw secretError('secret_throttled', 'busy', retryAfterMs === undefined ? {} : { retryAfterMs });
    },
  };
}

const CONCURRENCY = 8;
const references = (count: number): string[] => Array.from({ length: count }, (_, index) => `secret:id-${index}`);

async function resolvedAll(
  clock: TestClock,
  provider: SecretProvider,
  count: number,
  options: Partial<SecretResolverOptions> = {},
) {
  const resolver = createSecretResolver({
    provider,
    clock,
    random: testRandom(),
    concurrency: CONCURRENCY,
    ...options,
  });
  const done: (readonly SecretResolution[])[] = [];
  const began = clock.monotonic();
  void resolver.resolveAll(references(count)).then((all) => done.push(all));
  while (done.length === 0 && clock.monotonic() - began < 3_600_000) await clock.advance(100);
  return { answers: done.flat(), seconds: (clock.monotonic() - began) / 1_000 };
}

describe('a store that throttles', () => {
  it('is asked within its limit after the first refusals, and every reference is answered with its value', async () => {
    const store = fc.record({
      limit: fc.integer({ min: 2, max: 60 }),
      latencyMs: fc.constantFrom(0, 5, 50, 300),
      retryAfterMs: fc.constantFrom(undefined, 500, 1_000, 3_000),
    });
    await fc.assert(
      fc.asyncProperty(store, fc.integer({ min: 1, max: 150 }), async (settings, count) => {
        const clock = testClock();
        const provider = throttlingStore(clock, settings);
        const { answers, seconds } = await resolvedAll(clock, provider, count);
        expect(answers).toHaveLength(count);
        expect(answers.filter((answer) => !answer.ok)).toEqual([]);
        // It learns by being refused: what may be under way at once is what it cannot know better.
        expect(provider.calls.length).toBeLessThanOrEqual(settings.limit * (seconds + 1) + 2 * CONCURRENCY);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('is asked at most as fast as it can bear over a long time, and hardly ever in vain', async () => {
    for (const retryAfterMs of [undefined, 1_000]) {
      const clock = testClock();
      const provider = throttlingStore(clock, { limit: 10, latencyMs: 20, retryAfterMs });
      const { answers, seconds } = await resolvedAll(clock, provider, 500);
      expect(answers.every(({ ok }) => ok)).toBe(true);
      expect(provider.calls.length / seconds).toBeLessThanOrEqual(10);
      expect(provider.refused()).toBeLessThan(0.2 * provider.calls.length);
      // Not so shyly that it takes for ever.
      expect(seconds).toBeLessThan(4 * (500 / 10));
    }
  });

  it('for a minute gives its refusal at the deadline, then the rotated value, and is not asked in a loop', async () => {
    const clock = testClock();
    let value = 'old';
    let throttledUntil = 0;
    const calls: number[] = [];
    const provider: SecretProvider = {
      describe: () => ({ name: 'memory', location: 'a store' }),
      fetch: async (id, options) => {
        calls.push(clock.monotonic());
        await clock.sleep(10, options.signal);
        if (clock.monotonic() < throttledUntil) throw secretError('secret_throttled', 'busy', { retryAfterMs: 5_000 });
        return secretText(value, { provider: 'memory', id });
      },
    };
    const resolver = createSecretResolver({ provider, clock, random: testRandom() });
    const outcome = (): Promise<string> =>
      resolver.resolve('secret:db').then(
        (secret) => secret.reveal(),
        (error: unknown) => (error as { code: string }).code,
      );
    const asked = async (): Promise<string> => {
      const answers: string[] = [];
      void outcome().then((answer) => answers.push(answer));
      while (answers.length === 0) await clock.advance(100);
      return answers[0] ?? '';
    };
    expect(await asked()).toBe('old');
    await clock.advance(60_000);
    throttledUntil = clock.monotonic() + 60_000;
    value = 'rotated';
    const before = calls.length;
    const runs: string[] = [];
    while (clock.monotonic() < throttledUntil) {
      runs.push(await asked());
      // A run that asks again at once gets what is remembered of the failure.
      const again = calls.length;
      expect(await asked()).toBe(runs.at(-1));
      expect(calls.length).toBe(again);
      await clock.advance(5_000);
    }
    expect(runs).toEqual(['secret_throttled', 'rotated']);
    // Every five seconds, as the store asked, and never in between.
    const during = calls.slice(before).filter((at) => at < throttledUntil);
    expect(during.length).toBeLessThanOrEqual(60 / 5 + 1);
    for (const [index, at] of during.entries())
      expect(at - (during[index - 1] ?? -Infinity)).toBeGreaterThanOrEqual(5_000);
    expect(await asked()).toBe('rotated');
  });

  it('for a minute is outlasted by whoever allows two, and gives the rotated value then', async () => {
    const clock = testClock();
    const provider = throttlingStore(clock, { limit: 100, latencyMs: 10, retryAfterMs: 2_000, closedUntil: 60_000 });
    const { answers, seconds } = await resolvedAll(clock, provider, 30, { deadlineMs: 120_000 });
    expect(answers.filter((answer) => !answer.ok)).toEqual([]);
    expect(seconds).toBeGreaterThanOrEqual(60);
    expect(seconds).toBeLessThan(100);
    // One trial each time the store asked to wait, not one for each reference.
    expect(provider.calls.filter((at) => at < 60_000).length).toBeLessThanOrEqual(CONCURRENCY + 60 / 2);
  });
});
