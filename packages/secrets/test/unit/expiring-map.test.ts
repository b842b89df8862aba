import { testClock } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExpiringMap } from '../../src/expiring-map.ts';

describe('a map whose entries end', () => {
  it('gives only what was set last and not long ago, whatever is done to it', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, ttl: fc.constantFrom(0, 10, 100) }),
      fc.record({ do: fc.constantFrom('get' as const, 'delete' as const), key }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 50) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 6 }), async (steps, limit) => {
        const clock = testClock();
        const map = createExpiringMap<number>(clock, limit);
        const truth = new Map<string, { readonly value: number; readonly until: number }>();
        for (const [index, each] of steps.entries()) {
          if (each.do === 'wait') await clock.advance(each.ms);
          else if (each.do === 'set') {
            map.set(each.key, index, each.ttl);
            truth.set(each.key, { value: index, until: clock.monotonic() + each.ttl });
          } else if (each.do === 'delete') {
            map.delete(each.key);
            truth.delete(each.key);
          } else {
            const got = map.get(each.key);
            const right = truth.get(each.key);
            if (got !== undefined) {
              expect(got).toBe(right?.value);
              expect(right?.until).toBeGreaterThan(clock.monotonic());
            }
          }
        }
      }),
    );
  });

  it('keeps as many in use as it may and no more than twice as many, dropping what was not used', () => {
    const map = createExpiringMap<number>(testClock(), 100);
    for (let index = 0; index < 100; index += 1) map.set(`key ${index}`, index, 1_000);
    for (let index = 0; index < 100; index += 1) expect(map.get(`key ${index}`)).toBe(index);
    for (let index = 100; index < 10_000; index += 1) {
      map.set(`key ${index}`, index, 1_000);
      expect(map.get('key 7')).toBe(7);
    }
    const kept = Array.from({ length: 10_000 }, (_, index) => index).filter(
      (index) => map.get(`key ${index}`) !== undefined,
    );
    expect(kept.length).toBeLessThanOrEqual(200);
  });
});
