import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isShallow } from '../../src/depth.ts';

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

describe('the depth of a JSON text', () => {
  it('is that of the value it stands for, whatever its texts hold', () => {
    const texts = fc.string({ unit: fc.constantFrom('"', '\\', '{', '[', ']', '}', 'a', '€', '\n'), maxLength: 80 });
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 8, withCrossShrink: true },
        texts,
        fc.integer(),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(texts, tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, fc.nat(6), fc.boolean(), (value, limit, pretty) => {
        const text = JSON.stringify(value, null, pretty ? 2 : 0);
        expect(isShallow(text, limit)).toBe(depthOf(value) <= limit);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['1 MiB of opening brackets', '['.repeat(1_048_576), false],
    ['1 MiB of backslashes in a text', `{"a":"${'\\'.repeat(1_048_570)}`, true],
    ['1 MiB of quotes', '"'.repeat(1_048_576), true],
    ['1 MiB of escaped quotes behind many brackets', `${'{}'.repeat(100)}"${'\\"'.repeat(524_000)}"`, true],
    ['1 MiB of empty lists', `[${'[],'.repeat(349_000)}[]]`, true],
  ])('is found in one pass over %s', (_name, text, shallow) => {
    expect(isShallow(text, 64)).toBe(shallow);
  });
});
