import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOlder } from '../../src/watch/resource-version.ts';
import type { Entry } from '../../src/watch/watch-cache.ts';
import { createWatchCache } from '../../src/watch/watch-cache.ts';

const entry = (name: string, version: number | string, uid = `uid-${name}`): Entry<string> => ({
  name,
  uid,
  resourceVersion: String(version),
  kept: `${name}@${version}`,
});
const seen = (name: string, version: number) => ({ type: 'seen', name, object: `${name}@${version}` });
const gone = (name: string, version: number) => ({ type: 'gone', name, object: `${name}@${version}` });

describe('isOlder', () => {
  it('puts decimals in order, whatever their length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 80n }), fc.bigInt({ min: 0n, max: 1n << 80n }), (a, b) => {
        expect(isOlder(String(a), String(b))).toBe(a < b);
      }),
    );
  });

  it('says nothing about versions that are no decimals', () => {
    for (const [one, other] of [
      ['1a', '2'],
      ['', '1'],
      ['01', '2'],
      ['9', 'abc'],
    ] as const) {
      expect(isOlder(one, other)).toBe(false);
      expect(isOlder(other, one)).toBe(false);
    }
  });
});

describe('createWatchCache', () => {
  it('tells of a second list only what differs', () => {
    const cache = createWatchCache<string>();
    expect(cache.replace([entry('a', 1), entry('b', 2), entry('c', 3)], '3')).toHaveLength(3);
    expect(cache.replace([entry('a', 1), entry('b', 5), entry('d', 6)], '6')).toEqual([
      gone('c', 3),
      seen('b', 5),
      seen('d', 6),
    ]);
    expect([...cache.values()]).toEqual(['a@1', 'b@5', 'd@6']);
  });

  it('tells of another object under the same name that the first is gone', () => {
    const cache = createWatchCache<string>();
    cache.replace([entry('a', 1)], '1');
    expect(cache.put(entry('a', 4, 'another'))).toEqual([gone('a', 1), seen('a', 4)]);
    expect(cache.replace([entry('a', 7, 'third')], '7')).toEqual([gone('a', 4), seen('a', 7)]);
  });

  it('ignores what it knows and what comes late', () => {
    const cache = createWatchCache<string>();
    cache.replace([entry('a', 5)], '9');
    expect(cache.put(entry('a', 5))).toEqual([]);
    expect(cache.put(entry('a', 3))).toEqual([]);
    expect(cache.put(entry('ghost', 8))).toEqual([]);
    expect(cache.remove(entry('a', 4))).toEqual([]);
    expect(cache.put(entry('a', 12))).toEqual([seen('a', 12)]);
    expect(cache.put(entry('a', 11))).toEqual([]);
    expect(cache.remove(entry('a', 11))).toEqual([]);
    expect(cache.get('a')).toBe('a@12');
  });

  it('does not bring back what was deleted, unless it is newer than the deletion', () => {
    const cache = createWatchCache<string>();
    cache.replace([], '1');
    cache.put(entry('a', 2));
    expect(cache.remove(entry('a', 5))).toEqual([gone('a', 5)]);
    expect(cache.put(entry('a', 2))).toEqual([]);
    expect(cache.put(entry('a', 5))).toEqual([]);
    expect(cache.remove(entry('a', 5))).toEqual([]);
    expect(cache.put(entry('a', 6))).toEqual([seen('a', 6)]);
  });

  it('keeps the successor when the predecessor is deleted once more', () => {
    const cache = createWatchCache<string>();
    cache.replace([entry('a', 4, 'second')], '4');
    expect(cache.remove(entry('a', 9, 'first'))).toEqual([]);
    expect(cache.get('a')).toBe('a@4');
  });

  it('works with versions that cannot be put in order', () => {
    const cache = createWatchCache<string>();
    cache.replace([entry('a', 'x1')], 'x1');
    expect(cache.put(entry('a', 'x1'))).toEqual([]);
    expect(cache.put(entry('a', 'x0'))).toHaveLength(1);
    expect(cache.remove(entry('a', 'x2'))).toHaveLength(1);
    expect(cache.size).toBe(0);
  });
});
