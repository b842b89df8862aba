import { testClock, testRandom } from '@runner/core/testing';
import { createSecretResolver } from '@runner/secrets';
import { createMemoryProvider } from '@runner/secrets/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inTurns } from '../../src/in-turns.ts';

describe('many things in turns', () => {
  it('are answered in their order, with so many under way and no more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 50 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        async (things, most) => {
          const clock = testClock();
          let active = 0;
          let mostActive = 0;
          let done: readonly string[] | undefined;
          void inTurns(things, most, async (ms) => {
            active += 1;
            mostActive = Math.max(mostActive, active);
            await clock.sleep(ms, new AbortController().signal);
            active -= 1;
            return `slept ${ms}`;
          }).then((results) => (done = results));
          await clock.advance(5_000);
          expect(done).toEqual(things.map((ms) => `slept ${ms}`));
          expect(mostActive).toBe(Math.min(most, things.length));
        },
      ),
    );
  });

  it('are not begun any more once one has failed', async () => {
    const begun: number[] = [];
    const working = inTurns([0, 1, 2, 3, 4], 2, (thing) => {
      begun.push(thing);
      return thing === 1 ? Promise.reject(new Error('one')) : new Promise((resolve) => setImmediate(resolve));
    });
    await expect(working).rejects.toThrow('one');
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual([0, 1]);
  });
});

it('a reference that stands in many places is asked for once, even where nothing is kept', async () => {
  const values = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`id-${index}`, `value ${index}`]));
  const provider = createMemoryProvider(values);
  const resolver = createSecretResolver({ provider, ttlMs: 0, clock: testClock(), random: testRandom() });
  const references = Array.from({ length: 2_000 }, (_, index) => `secret:id-${index % 400}`);
  const answers = await resolver.resolveAll(references);
  expect(provider.calls).toHaveLength(400);
  expect(answers.map(({ reference }) => reference)).toEqual(references);
  expect(
    answers.every((answer) => answer.ok && answer.value.reveal() === values[answer.reference.slice('secret:'.length)]),
  ).toBe(true);
});
