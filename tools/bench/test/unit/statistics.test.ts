import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, percentile, shortNumber } from '../../src/statistics.ts';

describe('percentile', () => {
  it('is the value at the nearest rank, whatever the order', () => {
    const values = [5, 1, 4, 2, 3];
    expect([0, 0.2, 0.21, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 1, 2, 3, 5, 5]);
    expect(median([10, 2])).toBe(2);
    expect(values).toEqual([5, 1, 4, 2, 3]);
  });

  it('says nothing of no values', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('is one of the values, and the share of values it promises does not exceed it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const found = percentile(values, share);
          expect(values).toContain(found);
          expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(share * values.length);
        },
      ),
    );
  });
});

describe('a short number', () => {
  it.each([
    [1234.5, '1,235'],
    [123.4, '123'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [0.1234, '0.123'],
    [-12.34, '-12.3'],
    [0, '0'],
    [Number.NaN, '–'],
    [Infinity, '–'],
  ])('%d is %s', (value, text) => {
    expect(shortNumber(value)).toBe(text);
  });
});
