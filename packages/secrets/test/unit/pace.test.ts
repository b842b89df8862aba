import { testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { createPace } from '../../src/pace.ts';

const { signal } = new AbortController();

/** Starts of so many calls that are made one after the other. */
async function starts(
  clock: ReturnType<typeof testClock>,
  pace: ReturnType<typeof createPace>,
  count: number,
): Promise<number[]> {
  const at: number[] = [];
  const all = (async () => {
    for (let call = 0; call < count; call += 1) {
      await pace.turn(signal);
      at.push(clock.monotonic());
    }
  })();
  for (let waited = 0; at.length < count && waited < 600_000; waited += 50) await clock.advance(50);
  await all;
  return at;
}

describe('the pace of calls to a store', () => {
  it('has no bounds until the store says that it is asked too much', async () => {
    const clock = testClock();
    const pace = createPace(clock);
    expect(new Set(await starts(clock, pace, 100)).size).toBe(1);
  });

  it('falls below what was served in the last second, and grows slowly from there', async () => {
    const clock = testClock();
    const pace = createPace(clock);
    await clock.advance(1_000);
    for (let answer = 0; answer < 10; answer += 1) pace.succeeded();
    pace.throttled(clock.monotonic());
    const at = await starts(clock, pace, 9);
    // Eight a second.
    expect((at[8] ?? 0) - (at[0] ?? 0)).toBe(1_000);
    for (let answer = 0; answer < 20; answer += 1) pace.succeeded();
    const later = await starts(clock, pace, 10);
    expect((later[9] ?? 0) - (later[1] ?? 0)).toBeLessThan(1_000);
  });

  it('takes refusals of one moment for one', async () => {
    const clock = testClock();
    const pace = createPace(clock);
    const began = clock.monotonic();
    await clock.advance(100);
    for (let answer = 0; answer < 10; answer += 1) pace.succeeded();
    for (let refusal = 0; refusal < 5; refusal += 1) pace.throttled(began);
    const at = await starts(clock, pace, 9);
    expect((at[8] ?? 0) - (at[0] ?? 0)).toBe(1_000);
  });

  it('is one call a second where nothing was served, and doubles each second once something is', async () => {
    const clock = testClock();
    const pace = createPace(clock);
    pace.throttled(clock.monotonic());
    const slow = await starts(clock, pace, 3);
    expect((slow[2] ?? 0) - (slow[1] ?? 0)).toBe(1_000);
    for (let answer = 0; answer < 3; answer += 1) pace.succeeded();
    const faster = await starts(clock, pace, 3);
    expect((faster[2] ?? 0) - (faster[1] ?? 0)).toBe(250);
  });

  it('is forgotten when nothing was asked for half a minute', async () => {
    const clock = testClock();
    const pace = createPace(clock);
    pace.throttled(clock.monotonic());
    await clock.advance(40_000);
    expect(new Set(await starts(clock, pace, 100)).size).toBe(1);
  });

  it('lets nobody wait who has gone', async () => {
    const clock = testClock();
    const pace = createPace(clock);
    pace.throttled(clock.monotonic());
    const leaving = new AbortController();
    const waiting = expect(pace.turn(leaving.signal)).rejects.toMatchObject({ code: 'aborted' });
    leaving.abort();
    await waiting;
    expect(clock.pendingTimers).toBe(0);
  });
});
