import { redactText } from '@runner/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogChunk, LogGap, LogOptions } from '../../src/executor.ts';
import { alignedStart } from '../../src/log/align.ts';
import { shapeLog } from '../../src/log/shape-log.ts';
import type { LogFrame, LogGapFrame } from '../../src/log/shaper.ts';
import { logTail } from '../../src/log/tail.ts';

const signal = new AbortController().signal;

/** A finished log in memory, served in pieces of 1,000 bytes. */
const reader = (bytes: Uint8Array) =>
  async function* ({ fromByte }: LogOptions): AsyncGenerator<LogChunk | LogGap> {
    for (let at = fromByte; at < bytes.length; at += 1_000) {
      yield await Promise.resolve({ fromByte: at, bytes: bytes.subarray(at, at + 1_000) });
    }
  };

async function collect(bytes: Uint8Array, fromByte: number, follow = true): Promise<(LogFrame | LogGapFrame)[]> {
  const frames: (LogFrame | LogGapFrame)[] = [];
  for await (const frame of shapeLog(reader(bytes), { fromByte, follow, signal })) frames.push(frame);
  return frames;
}

const textOf = (frames: readonly (LogFrame | LogGapFrame)[]): string =>
  frames.map((frame) => ('data' in frame ? frame.data : '')).join('');

const PEM = `-----BEGIN PRIVATE KEY-----\n${'NotARealKey'.repeat(6)}\n${'NotARealKey'.repeat(6)}\n-----END PRIVATE KEY-----\n`;

describe('reading from an offset', () => {
  it('moves back to the start of the line', async () => {
    const bytes = Buffer.from('first\nsecond line\nthird\n');
    expect(await alignedStart(reader(bytes), 10, redactText, signal)).toEqual({ fromByte: 6, startsInside: false });
    expect(await alignedStart(reader(bytes), 18, redactText, signal)).toEqual({ fromByte: 18, startsInside: false });
    expect(textOf(await collect(bytes, 10))).toBe('second line\nthird\n');
  });

  it('moves back to the start of a private key', async () => {
    const bytes = Buffer.from(`before\n${PEM}after\n`);
    const frames = await collect(bytes, 80);
    expect(frames[0]?.rawFrom).toBe(7);
    expect(textOf(frames)).toBe('[redacted]\nafter\n');
  });

  it('moves back to the word that makes the next line a secret', async () => {
    const bytes = Buffer.from('one\npassword:\n\n  not-a-real-password\n');
    expect(textOf(await collect(bytes, 16))).not.toContain('not-a-real');
  });

  it('shows the same text from any offset as from the beginning, from the line on', async () => {
    const line = fc.oneof(
      fc.constantFrom(PEM, 'token:\nnot-a-real-token-1234\n', '\n'),
      fc.stringMatching(/^[a-z ]{0,40}\n$/),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 60 }), fc.nat(), async (lines, pick) => {
        const bytes = Buffer.from(lines.join(''));
        const fromByte = pick % bytes.length;
        const frames = await collect(bytes, fromByte);
        const start = frames[0]?.rawFrom ?? fromByte;
        expect(start).toBeLessThanOrEqual(fromByte);
        const whole = textOf(await collect(bytes, 0));
        expect(whole.endsWith(textOf(frames))).toBe(true);
        expect(textOf(await collect(bytes.subarray(0, start), 0)) + textOf(frames)).toBe(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('finds the start of a very long line', async () => {
    const bytes = Buffer.from(`head\n${'word '.repeat(300_000)}\n`);
    expect(await alignedStart(reader(bytes), 1_400_000, redactText, signal)).toEqual({
      fromByte: 5,
      startsInside: false,
    });
  });

  it('begins with a gap where no line start is known', async () => {
    const gone = async function* ({ fromByte }: LogOptions): AsyncGenerator<LogChunk | LogGap> {
      if (fromByte < 500) yield await Promise.resolve({ gap: true, fromByte, toByte: 500 });
      yield {
        fromByte: Math.max(500, fromByte),
        bytes: Buffer.from(' cut\nwhole\n').subarray(Math.max(0, fromByte - 500)),
      };
    };
    const frames: (LogFrame | LogGapFrame)[] = [];
    for await (const frame of shapeLog(gone, { fromByte: 502, follow: true, signal })) frames.push(frame);
    expect(frames).toEqual([
      { rawFrom: 502, rawTo: 505, gap: true },
      { rawFrom: 505, rawTo: 511, data: 'whole\n' },
    ]);
  });

  it('keeps back the unfinished last line of a log that may still grow', async () => {
    const bytes = Buffer.from('whole\nhalf');
    expect(textOf(await collect(bytes, 0, false))).toBe('whole\n');
    expect(textOf(await collect(bytes, 0, true))).toBe('whole\nhalf');
  });
});

describe('the tail of an outcome', () => {
  it('has at most 500 lines, without the one that was cut', () => {
    const text = Array.from({ length: 900 }, (_, index) => `line ${index}\n`).join('');
    const tail = logTail(Buffer.from(text.slice(3)));
    expect(tail.split('\n')).toHaveLength(501);
    expect(tail.startsWith('line 400\n')).toBe(true);
    expect(logTail(Buffer.from('cut\nwhole'))).toBe('whole');
    expect(logTail(Buffer.from('first\nlast'), { atLineStart: true })).toBe('first\nlast');
  });

  it('is redacted', () => {
    expect(logTail(Buffer.from(`x\nurl https://me:not-a-real-password@host/\n${PEM}`))).toBe(
      'url https://me:[redacted]@host/\n[redacted]\n',
    );
  });

  it('stays within the characters that the wire allows', () => {
    expect(logTail(Buffer.from('pwd=abc,\n'.repeat(60_000))).length).toBeLessThanOrEqual(98_304);
  });
});
