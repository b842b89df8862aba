import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AGENT_SAMPLES, CONTROL_SAMPLES } from '@runner/protocol/testing';
import { exactMatch } from '../../src/exact-match.ts';
import { agentMessageSchema, controlMessageSchema } from '../../src/messages.ts';

const OPTIONS = [...agentMessageSchema.options, ...controlMessageSchema.options];
const SAMPLES = [...Object.values(AGENT_SAMPLES), ...Object.values(CONTROL_SAMPLES)] as readonly object[];

describe('the quick check', () => {
  it('takes every sample of every type without asking zod', () => {
    for (const sample of SAMPLES)
      expect([sample, OPTIONS.some((option) => exactMatch(option)(sample))]).toEqual([sample, true]);
  });

  it('never takes what zod would refuse or change', () => {
    const values = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        undefined,
        -1,
        1.5,
        2 ** 53,
        '',
        'x'.repeat(257),
        'x'.repeat(16_385),
        [],
        {},
        { total: 1, free: 1 },
      ),
    );
    const damaged = fc
      .constantFrom(...SAMPLES)
      .chain((sample) =>
        fc.tuple(
          fc.constant(sample),
          fc.constantFrom(...places(sample)),
          fc.constantFrom('set', 'add', 'delete'),
          values,
        ),
      );
    fc.assert(
      fc.property(damaged, ([sample, path, how, value]) => {
        const copy = damage(sample, path, how, value);
        for (const option of OPTIONS) {
          if (!exactMatch(option)(copy)) continue;
          const parsed = option.safeParse(copy);
          expect(parsed.success).toBe(true);
          expect(parsed.data).toEqual(copy);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['transforms', z.string().transform((text) => text.length), 'abc'],
    ['lower-cased texts', z.string().toLowerCase(), 'ABC'],
    ['dates', z.date(), new Date()],
    ['plain unions', z.union([z.string(), z.number()]), 'abc'],
    ['catch-all objects', z.object({ a: z.string() }).catchall(z.string().toLowerCase()), { a: 'x', b: 'Y' }],
    ['fields that look inherited', z.object({ constructor: z.any() }), {}],
    ['numbers that are not integers', z.number(), 1.5],
    ['steps', z.number().int().multipleOf(2), 3],
  ])('leaves to zod what it does not know: %s', (_name, schema, value) => {
    expect(exactMatch(schema)(value)).toBe(false);
  });
});

type Path = readonly string[];

function places(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => places(item, [...path, key]))];
}

function damage(sample: object, path: Path, how: string, value: unknown): unknown {
  const copy = structuredClone(sample) as Record<string, unknown>;
  const last = path.at(-1);
  if (last === undefined) return how === 'add' ? { ...copy, added: value } : value;
  const parent = path.slice(0, -1).reduce((inner, key) => inner[key] as Record<string, unknown>, copy);
  if (how === 'delete') Reflect.deleteProperty(parent, last);
  else if (how === 'add' && Array.isArray(parent)) parent.push(value);
  else parent[how === 'add' ? `${last}2` : last] = value;
  return copy;
}
