import { Buffer } from 'node:buffer';
import type { LogChunk, LogGap } from '@runner/executor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownOutput } from '../../src/logs.ts';
import { noiseFilter, withoutNoise } from '../../src/noise.ts';

const EXITED = 'time="2026-11-21T17:42:56.836Z" level=info msg="sub-process exited" argo=true error="<nil>"\n';
const STATUS = 'Error: exit status 3\n';

function sifted(text: string, cut: number): string {
  const filter = noiseFilter();
  const bytes = Buffer.from(text);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += cut) pieces.push(filter.push(bytes.subarray(at, at + cut)));
  return Buffer.concat([...pieces, filter.end()]).toString();
}

const CASES: readonly (readonly [what: string, raw: string, own: string])[] = [
  ['a success', `one\n${EXITED}`, 'one\n'],
  ['a failure', `one\n${EXITED}${STATUS}`, 'one\n'],
  ['a last line without an end, written after the executor', `one\n${EXITED}${STATUS}two`, 'one\ntwo'],
  ['a last line without an end, written before the executor', `one\ntwo${EXITED}${STATUS}`, 'one\ntwo'],
  ['no output', EXITED, ''],
  ['the end of a killed program', `hi\n${EXITED}Error: exit status 143\n`, 'hi\n'],
  [
    'a word of the executor at the beginning',
    `time="2026-11-21T17:42:55Z" level=info msg="capturing logs" argo=true\nx\n`,
    'x\n',
  ],
  ["a log that is cut within the executor's last line", `x\n${EXITED.trimEnd()}`, 'x\n'],
];

const PROGRAM = [
  'time="noon" level=info msg="sub-process exited" error="<nil>"\n',
  'Error: exit status 3\n',
  'time="\n',
  'at time="12:00" we began\n',
  `${'x'.repeat(9_000)}time="`,
  'ti',
];

describe.each([1, 3, 7, 10_000])('in pieces of %i bytes', (cut) => {
  it.each(CASES)("leaves out the executor's own lines: %s", (_, raw, own) => {
    expect(sifted(raw, cut)).toBe(own);
  });

  it.each(PROGRAM)('leaves a program its lines that look alike: %j', (text) => {
    expect(sifted(text, cut)).toBe(text);
  });
});

it('changes no byte of any program, however it comes', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.constantFrom(...PROGRAM, '\n', 'time="a" ').map((s) => Buffer.from(s)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const filter = noiseFilter();
      const out = Buffer.concat([...pieces.map((bytes) => filter.push(bytes)), filter.end()]);
      expect(out.equals(Buffer.concat(pieces))).toBe(true);
    }),
  );
});

it("takes no longer for a line of the same format with many fields, which is a program's", () => {
  const line = `time="noon" level=info msg="x"${' a="1"'.repeat(500)} b=2\n`;
  const begun = performance.now();
  expect(sifted(line, 10_000)).toBe(line);
  expect(performance.now() - begun).toBeLessThan(1_000);
});

it('keeps nothing of a program waiting that cannot become a line of the executor', () => {
  const filter = noiseFilter();
  expect(Buffer.from(filter.push(Buffer.from('half a li'))).toString()).toBe('half a li');
});

it('sifts streams', async () => {
  const pieces: Uint8Array[] = [];
  for await (const bytes of withoutNoise(
    streamOf([Buffer.from(`a\n${EXITED.slice(0, 30)}`), Buffer.from(EXITED.slice(30))]),
  )) {
    pieces.push(bytes);
  }
  expect(Buffer.concat(pieces).toString()).toBe('a\n');
});

describe('offsets', () => {
  const begin = 'time="2026-11-21T17:42:55Z" level=info msg="capturing logs" argo=true\n';

  it('count the program alone', async () => {
    const raw = Buffer.from(`${begin}hello\nworld\n${EXITED}`);
    for (const fromByte of [0, 1, 6, 11, 12, 50]) {
      const pieces = await all(ownOutput(chunksOf(raw, 5), fromByte));
      expect(textOf(pieces)).toBe('hello\nworld\n'.slice(fromByte));
      let at = fromByte;
      for (const piece of pieces) {
        expect(piece.fromByte).toBe(at);
        at += 'gap' in piece ? 0 : piece.bytes.length;
      }
    }
  });

  it('begin with a gap where the beginning is gone, and then give all there is', async () => {
    const rest = { fromByte: 1, bytes: Buffer.from('rest\n') };
    const pieces = await all(ownOutput(streamOf<LogChunk | LogGap>([{ fromByte: 0, toByte: 1, gap: true }, rest]), 10));
    expect(pieces).toEqual([
      { fromByte: 10, toByte: 11, gap: true },
      { fromByte: 11, bytes: Buffer.from('rest\n') },
    ]);
  });
});

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<LogChunk> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve({ fromByte: at, bytes: bytes.subarray(at, at + size) });
  }
}

async function all(log: AsyncIterable<LogChunk | LogGap>): Promise<readonly (LogChunk | LogGap)[]> {
  const pieces: (LogChunk | LogGap)[] = [];
  for await (const piece of log) pieces.push(piece);
  return pieces;
}

const textOf = (pieces: readonly (LogChunk | LogGap)[]): string =>
  Buffer.concat(pieces.map((piece) => ('gap' in piece ? Buffer.alloc(0) : piece.bytes))).toString();
