import { testRandom } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { RECONNECT_CAP_MS, RECONNECT_FLOOR_MS, createReconnectPolicy } from '../../src/watch/reconnect.ts';

const refused = { watchedMs: 0, progressed: false, failed: true };

describe('createReconnectPolicy', () => {
  it('waits longer with each refusal, up to a bound', () => {
    const policy = createReconnectPolicy({ ...testRandom(), next: () => 0.999_999 });
    const delays = Array.from({ length: 8 }, () => Math.round(policy.delayAfter(refused)));
    expect(delays).toEqual([2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000, 20_000]);
  });

  it('never waits less than the floor after a failure, and spreads over the whole range', () => {
    const policy = createReconnectPolicy(testRandom(3));
    const delays = Array.from({ length: 1_000 }, () => policy.delayAfter(refused));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(RECONNECT_FLOOR_MS);
    expect(Math.max(...delays)).toBeLessThanOrEqual(RECONNECT_CAP_MS);
    expect(delays.filter((delay) => delay > RECONNECT_CAP_MS / 2).length).toBeGreaterThan(300);
  });

  it('goes on at once when the server ended a watch that stood for a second', () => {
    const policy = createReconnectPolicy(testRandom());
    expect(policy.delayAfter({ watchedMs: 300_000, progressed: true, failed: false })).toBe(0);
    expect(policy.delayAfter({ watchedMs: 10, progressed: true, failed: false })).toBeGreaterThanOrEqual(
      RECONNECT_FLOOR_MS,
    );
  });

  it('begins with short waits again after a healthy watch, and stays short when watches are cut every two seconds', () => {
    const policy = createReconnectPolicy({ ...testRandom(), next: () => 0.999_999 });
    for (let index = 0; index < 10; index += 1) policy.delayAfter(refused);
    expect(Math.round(policy.delayAfter({ watchedMs: 60_000, progressed: true, failed: true }))).toBe(2_000);
    for (let index = 0; index < 10; index += 1) {
      expect(Math.round(policy.delayAfter({ watchedMs: 2_000, progressed: index % 2 === 0, failed: true }))).toBe(
        2_000,
      );
    }
  });

  it('waits as long as the server asks', () => {
    const policy = createReconnectPolicy(testRandom());
    expect(policy.delayAfter({ ...refused, retryAfterMs: 45_000 })).toBe(45_000);
  });
});
