import fc from 'fast-check';
import { expect, it } from 'vitest';
import { goJsonBytes, isWithin } from '../../src/workflow/size.ts';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[<>&"\u2028\u2029é{}]*$/));

it('knows whether a value is within a size without writing it, exactly as its bytes say', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ stringUnit: 'binary' }),
      fc.dictionary(text, text),
      fc.integer({ min: -3, max: 3 }),
      (value, texts, more) => {
        const whole = { value, texts };
        expect(isWithin(whole, goJsonBytes(whole) + more)).toBe(more >= 0);
      },
    ),
  );
});
