import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAgentMessage, decodeControlMessage, encodeAgentMessage } from '@runner/protocol';
import { AGENT_SAMPLES, CONTROL_SAMPLES } from '@runner/protocol/testing';

/** Stands for a secret that somebody put into a frame. */
const MARKER = 'MaRkEr-7f3a';

const SAMPLES: readonly object[] = [...Object.values(AGENT_SAMPLES), ...Object.values(CONTROL_SAMPLES)];
const decoders = [decodeAgentMessage, decodeControlMessage];

/** Reads it both ways; whatever comes out must be one of the three answers and must not repeat the marker. */
function readBothWays(text: string): void {
  for (const decode of decoders) {
    const read = decode(text, Buffer.byteLength(text));
    if (read.kind !== 'problem') continue;
    expect([4400, 4406, 4413]).toContain(read.close.code);
    expect(read.reason).not.toContain(MARKER);
    expect(read.reason.length).toBeLessThan(300);
  }
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
}

/** JSON with the marker as values and as keys, and with keys that reach for prototypes. */
const hostileJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom(null, true, 0, -1, 1.5, 1e308, '', MARKER, '\u0000', '\ud800', '__proto__'),
    fc.string().map((text) => text + MARKER),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(
        fc.tuple(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'types', MARKER)), tie('value')),
        {
          maxLength: 4,
        },
      )
      .map((entries) => rawObject(entries)),
  ),
})).value;

/** `__proto__` as an own property, which a literal cannot have. */
function rawObject(entries: readonly [string, unknown][]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** All places of a JSON value, as paths. */
function places(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => places(item, [...path, key]))];
}

function put(value: unknown, path: readonly (string | number)[], replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((item: unknown, at) => (at === Number(key) ? put(item, rest, replacement) : item));
  return rawObject(
    Object.entries(value as object).map(([name, item]) => [name, name === key ? put(item, rest, replacement) : item]),
  );
}

describe('whatever arrives', () => {
  it('any bytes are answered, and none is repeated', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const text = Buffer.from(bytes).toString('utf8');
        for (const decode of decoders) decode(text, bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it('any JSON is answered, and no key or value of it is repeated', () => {
    fc.assert(
      fc.property(
        hostileJson,
        fc.constantFrom(...Object.keys(AGENT_SAMPLES), ...Object.keys(CONTROL_SAMPLES)),
        (json, type) => {
          readBothWays(JSON.stringify(json));
          const entries = typeof json === 'object' && json !== null ? Object.entries(json as object) : [];
          readBothWays(JSON.stringify(rawObject([...entries, ['type', type]])));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('a valid frame with anything in any one place is read or refused, and what is refused is not repeated', () => {
    const damaged = fc
      .constantFrom(...SAMPLES)
      .chain((sample) => fc.tuple(fc.constant(sample), fc.constantFrom(...places(sample)), hostileJson));
    fc.assert(
      fc.property(damaged, ([sample, path, replacement]) =>
        readBothWays(JSON.stringify(put(sample, path, replacement))),
      ),
      { numRuns: 5_000 },
    );
  });

  it('a text cut or changed at any byte is answered', () => {
    const cut = fc.constantFrom(...SAMPLES).chain((sample) => {
      const text = JSON.stringify(sample);
      return fc.tuple(fc.constant(text), fc.nat(text.length), fc.string({ maxLength: 3 }));
    });
    fc.assert(
      fc.property(cut, ([text, at, inserted]) => readBothWays(text.slice(0, at) + inserted + text.slice(at + 1))),
      { numRuns: 3_000 },
    );
  });

  it('unknown fields of a newer version change nothing, wherever they stand', () => {
    const extended = fc
      .constantFrom(...Object.values(AGENT_SAMPLES))
      .chain((sample) =>
        fc.tuple(
          fc.constant(sample),
          fc.constantFrom(...places(sample).filter((path) => isObjectAt(sample, path) && !path.includes('types'))),
          hostileJson,
        ),
      );
    fc.assert(
      fc.property(extended, ([sample, path, value]) => {
        const target = at(sample, path) as object;
        const text = JSON.stringify(put(sample, path, { ...target, addedInVersion9: value }));
        expect(decodeAgentMessage(text, Buffer.byteLength(text))).toEqual({ kind: 'ok', message: sample });
      }),
      { numRuns: 1_000 },
    );
  });

  it('what was read can be written, and reads the same again', () => {
    const mutated = fc
      .constantFrom(...Object.values(AGENT_SAMPLES))
      .chain((sample) => fc.tuple(fc.constant(sample), fc.constantFrom(...places(sample)), hostileJson));
    fc.assert(
      fc.property(mutated, ([sample, path, value]) => {
        const text = JSON.stringify(put(sample, path, value));
        const read = decodeAgentMessage(text, Buffer.byteLength(text));
        if (read.kind !== 'ok') return;
        const written = encodeAgentMessage(read.message);
        expect(decodeAgentMessage(written.text, written.bytes)).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
  });
});

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}

function isObjectAt(value: unknown, path: readonly (string | number)[]): boolean {
  const found = at(value, path);
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}
