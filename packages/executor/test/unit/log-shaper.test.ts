import { redactText } from '@runner/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogFrame, LogGapFrame } from '../../src/log/shaper.ts';
import { MAX_FRAME_BYTES, createLogShaper } from '../../src/log/shaper.ts';

type Frame = LogFrame | LogGapFrame;

/** Credentials of no system, in the shapes that real ones have. */
const JWT = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.bm90LWEtcmVhbC1zaWduYXR1cmU';
const BEARER = 'Bearer not-a-real-token-0123456789';
const URL_PASSWORD = 'postgres://reader:not-a-real-password@db.example:5432/shop';
/** Keys, quotes and schemes in the ways that programs print them. */
const ASSIGNED = [
  'DB_PASSWORD=not-a-real-password',
  '"clientSecret": "with blanks: not-a-real-password"',
  String.raw`{\"accessToken\": \"quoted \\\" not-a-real-password\"}`,
  "{'secret_access_key': 'it\\'s not-a-real-password'}",
  'AccountName=x;AccountKey=not-a-real-password==;',
  'Authorization: Token not-a-real-token-0123456789',
  'Authorization: Digest username="x", response="not-a-real-token"',
  'postgres://reader:with@and/not-a-real-password@db.example:5432/shop',
  `ghp_${'notarealtoken'.repeat(3)}`,
  'https://x.example/?sv=1&sig=not-a-real-token%3D%3D&se=2',
];
const PEM = [
  '-----BEGIN RSA PRIVATE KEY-----',
  ...Array.from({ length: 12 }, (_, line) => `NotARealKey${String(line).padStart(2, '0')}${'A'.repeat(51)}`),
  '-----END RSA PRIVATE KEY-----',
].join('\n');
const PLANTED = [
  'eyJzdWIiOiJub2JvZHkifQ',
  'bm90LWEtcmVhbC1zaWduYXR1cmU',
  'not-a-real-token',
  'not-a-real-password',
  'NotARealKey',
  'notarealtoken',
];

const word = fc.stringMatching(/^[a-zäöü€😀]{1,12}$/u);
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.array(word, { maxLength: 12 }).map((words) => `${words.join(' ')}\n`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(JWT, BEARER, URL_PASSWORD, PEM, 'token:\n  not-a-real-token\n', ...ASSIGNED),
  },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r\n', ' ', '', '\t') },
  {
    weight: 1,
    arbitrary: fc.tuple(word, fc.integer({ min: 1, max: 12_000 })).map(([w, times]) => `${w} `.repeat(times)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 90_000 }).map((length) => 'aGVsbG8'.repeat(length / 7)) },
);
const output = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(' '));

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes.length === 0 ? bytes.length : sizes[index % sizes.length]!;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function shape(pieces: readonly Uint8Array[], options: { flushEach?: boolean; fromByte?: number } = {}): Frame[] {
  const shaper = createLogShaper({ fromByte: options.fromByte ?? 0 });
  let fromByte = options.fromByte ?? 0;
  const frames: Frame[] = [];
  for (const bytes of pieces) {
    frames.push(...shaper.push({ fromByte, bytes }));
    if (options.flushEach === true) frames.push(...shaper.flush());
    fromByte += bytes.length;
  }
  return [...frames, ...shaper.end()];
}

const textOf = (frames: readonly Frame[]): string => frames.map((f) => ('data' in f ? f.data : '')).join('');

function expectContiguous(frames: readonly Frame[], from: number, to: number): void {
  let at = from;
  for (const frame of frames) {
    expect(frame.rawFrom).toBe(at);
    expect(frame.rawTo).toBeGreaterThan(at);
    at = frame.rawTo;
  }
  expect(at).toBe(to);
}

describe('shaping output into frames', () => {
  it('gives the same frames however the output was cut into pieces', () => {
    fc.assert(
      fc.property(
        output,
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
        (text, sizes) => {
          const bytes = Buffer.from(text);
          expect(shape(cut(bytes, sizes))).toEqual(shape([bytes]));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives the redacted text, in contiguous frames of at most 64 KiB, with and without flushing', () => {
    fc.assert(
      fc.property(
        output,
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (text, sizes, flushEach) => {
          const bytes = Buffer.from(text);
          const frames = shape(cut(bytes, sizes), { flushEach });
          expectContiguous(frames, 0, bytes.length);
          for (const frame of frames) {
            expect('data' in frame && Buffer.byteLength(frame.data)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
          }
          expect(textOf(frames)).toBe(redactText(text));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('lets no planted credential through, whole or in part', () => {
    const planted = fc.constantFrom(JWT, BEARER, URL_PASSWORD, PEM, ...ASSIGNED);
    const filler = fc.integer({ min: 65_000, max: 66_500 });
    fc.assert(
      fc.property(planted, filler, fc.constantFrom('x', 'x ', 'word, ', 'line\n', '\xe9'), (secret, length, unit) => {
        // Around the limit of a frame, where a cut is most tempting.
        const text = `${unit.repeat(Math.ceil(length / unit.length)).slice(0, length)} ${secret} ${unit.repeat(40_000)}\n`;
        const bytes = Buffer.from(text);
        for (const size of [1_000, 65_536, bytes.length]) {
          const shown = textOf(shape(cut(bytes, [size]), { flushEach: true }));
          for (const part of PLANTED) expect(shown).not.toContain(part);
        }
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  it('ends every frame that is not continued at a line end', () => {
    fc.assert(
      fc.property(output, (text) => {
        const frames = shape([Buffer.from(text)]).filter((frame): frame is LogFrame => 'data' in frame);
        for (const frame of frames.slice(0, -1)) {
          expect(frame.continued === true).toBe(!frame.data.endsWith('\n'));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('resumes at any frame end with exactly the frames that were missing', () => {
    fc.assert(
      fc.property(output, fc.nat(), (text, pick) => {
        const bytes = Buffer.from(text);
        const frames = shape([bytes]);
        const lineEnds = frames.filter((frame) => !('continued' in frame));
        if (lineEnds.length === 0) return;
        const at = lineEnds[pick % lineEnds.length]!.rawTo;
        const rest = frames.filter((frame) => frame.rawFrom >= at);
        expect(shape([bytes.subarray(at)], { fromByte: at })).toEqual(rest);
      }),
      { numRuns: 80 },
    );
  });

  it('shows bytes that are not UTF-8 as replacement characters and keeps frames small all the same', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
        fc.integer({ min: 1, max: 200 }),
        (unit, times) => {
          const bytes = Buffer.concat(Array.from({ length: times }, () => unit));
          const frames = shape(cut(bytes, [7_777]));
          expectContiguous(frames, 0, bytes.length);
          for (const frame of frames) {
            expect('data' in frame && Buffer.byteLength(frame.data)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(textOf(shape([Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x0a])]))).toBe('a\ufffd\ufffd(\n');
  });

  it('never cuts a character in two', () => {
    const frames = shape([Buffer.from('€😀ä'.repeat(40_000))]);
    expect(frames.length).toBeGreaterThan(1);
    expect(textOf(frames)).toBe('€😀ä'.repeat(40_000));
  });

  it('keeps back an unfinished line and an unfinished key until they are complete', () => {
    const shaper = createLogShaper();
    const [head, ...rest] = PEM.split('\n');
    const push = (text: string, at: number): Frame[] => [
      ...shaper.push({ fromByte: at, bytes: Buffer.from(text) }),
      ...shaper.flush(),
    ];
    expect(textOf(push('one\ntw', 0))).toBe('one\n');
    expect(textOf(push(`o\n${head!}\n`, 6))).toBe('two\n');
    expect(push(rest.join('\n'), 8 + head!.length + 1)).toEqual([]);
    expect(textOf(push('\nafter\n', 8 + PEM.length))).toBe('[redacted]\nafter\n');
  });

  it('leaves out the rest of a line when a credential in it has no end', () => {
    const text = `start Bearer ${'k'.repeat(300_000)}\nnext\n`;
    const shown = textOf(shape([Buffer.from(text)]));
    expect(shown).not.toContain('kk');
    expect(shown).toContain('start');
    expect(shown.endsWith('[redacted]\nnext\n')).toBe(true);
  });

  it('takes in a line of 10 MB without keeping it', () => {
    const line = Buffer.from(`${'0123456789abcdef '.repeat(620_000)}\n`);
    const shaper = createLogShaper();
    let shown = 0;
    for (let at = 0; at < line.length; at += 65_536) {
      for (const frame of shaper.push({ fromByte: at, bytes: line.subarray(at, at + 65_536) })) shown = frame.rawTo;
      expect(at + 65_536 - shown).toBeLessThan(300_000);
    }
    shaper.end();
  });
});

describe('gaps in the output', () => {
  const push = (shaper: ReturnType<typeof createLogShaper>, fromByte: number, text: string): Frame[] => [
    ...shaper.push({ fromByte, bytes: Buffer.from(text) }),
  ];

  it('widens a gap to the lines that it cuts, because half a credential is not recognised', () => {
    const shaper = createLogShaper();
    const frames = [
      ...push(shaper, 0, `whole\nhalf ${JWT.slice(0, 40)}`),
      ...shaper.push({ gap: true, fromByte: 51, toByte: 1_000 }),
      ...push(shaper, 1_000, `${JWT.slice(40)} rest\nnext\n`),
      ...shaper.end(),
    ];
    expect(frames[0]).toEqual({ rawFrom: 0, rawTo: 6, data: 'whole\n' });
    expect(frames[1]).toMatchObject({ rawFrom: 6, gap: true });
    expect(frames.slice(2).map((frame) => 'data' in frame && frame.data)).toEqual(['next\n']);
    expectContiguous(frames, 0, frames.at(-1)!.rawTo);
  });

  it('shows no lines of a private key whose beginning is gone', () => {
    const shaper = createLogShaper({ fromByte: 500, startsInside: true });
    const rest = PEM.split('\n').slice(3).join('\n');
    const frames = [...push(shaper, 500, `${rest}\nvisible\n`), ...shaper.end()];
    expect(textOf(frames)).toBe('visible\n');
    expect(frames[0]).toMatchObject({ rawFrom: 500, gap: true });
  });

  it('treats bytes that an executor skipped as a gap, and bytes that it repeats as known', () => {
    const shaper = createLogShaper();
    const frames = [
      ...push(shaper, 0, 'a\nb\n'),
      ...push(shaper, 2, 'b\nc\n'),
      ...push(shaper, 100, 'cut\nd\n'),
      ...shaper.end(),
    ];
    expect(frames).toEqual([
      { rawFrom: 0, rawTo: 6, data: 'a\nb\nc\n' },
      { rawFrom: 6, rawTo: 104, gap: true },
      { rawFrom: 104, rawTo: 106, data: 'd\n' },
    ]);
  });

  it('tells a gap at the very end', () => {
    const shaper = createLogShaper();
    expect([...shaper.push({ gap: true, fromByte: 0, toByte: 10 }), ...shaper.end()]).toEqual([
      { rawFrom: 0, rawTo: 10, gap: true },
    ]);
  });
});
