import { compareQuantities, parseQuantity } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('quantities', () => {
  it.each([
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1e3', '1k'],
    ['1E3', '1000'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['2000000u', '2'],
    ['1Ei', '1152921504606846976'],
  ])('%s equals %s', (a, b) => {
    expect(parseQuantity(a)).toBe(parseQuantity(b));
    expect(compareQuantities(a, b)).toBe(0);
  });

  it.each(['', ' ', '1 Gi', 'Gi', '1gb', '1GB', '1kk', '0x10', '1e', 'NaN', '--1', '1Mi2', '١'])(
    '%j is none',
    (text) => {
      expect(parseQuantity(text)).toBeUndefined();
    },
  );

  it('orders millicores as numbers do', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (a, b) => {
        expect(Math.sign(compareQuantities(`${a}m`, `${b}m`))).toBe(Math.sign(a - b));
      }),
    );
  });

  it('tells 1G and 1Gi apart', () => {
    expect(compareQuantities('1G', '1Gi')).toBeLessThan(0);
  });
});
