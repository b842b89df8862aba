import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunksToCut, layOut, newPart } from '../../src/store/logs/layout.ts';
import { redactPiece } from '../../src/store/logs/redact-piece.ts';

describe('what of a piece is new', () => {
  test('is all of it behind the end, nothing before it, and a mark stands for a hole', () => {
    expect(newPart(0, { rawFrom: 0, rawTo: 3, text: 'abc' })).toEqual({ text: 'abc', rawTo: 3 });
    expect(newPart(3, { rawFrom: 0, rawTo: 3, text: 'abc' })).toBeUndefined();
    expect(newPart(2, { rawFrom: 0, rawTo: 2, text: '' })).toBeUndefined();
    expect(newPart(3, { rawFrom: 10, rawTo: 12, text: 'xy' })).toEqual({
      text: '\n[bytes 3 to 10 of this log could not be read]\nxy',
      rawTo: 12,
    });
    expect(newPart(7, { text: 'added' })).toEqual({ text: 'added', rawTo: 12 });
  });

  test('is exactly the rest when text and raw bytes are the same, wherever it was cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(), (text, seed) => {
        const bytes = Buffer.from(text);
        const end = 100 + (seed % bytes.length);
        const fresh = newPart(end, { rawFrom: 100, rawTo: 100 + bytes.length, text });
        const expected = bytes.subarray(end - 100).toString();
        // A cut within a character leaves that character out: its beginning is stored already.
        expect(expected.endsWith(fresh!.text)).toBe(true);
        expect(expected.replaceAll('\uFFFD', '').length - fresh!.text.replaceAll('\uFFFD', '').length).toBe(0);
      }),
    );
  });

  test('is a whole number of characters when something was redacted', () => {
    const fresh = newPart(50, { rawFrom: 0, rawTo: 100, text: 'ü'.repeat(10) });
    expect(fresh).toEqual({ text: 'ü'.repeat(5), rawTo: 100 });
  });
});

describe('the layout of chunks', () => {
  test('puts all bytes into chunks in order, none too large, none within a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 4, max: 32 }),
        fc.nat({ max: 5 }),
        fc.nat(),
        (text, limit, tail, seed) => {
          const bytes = Buffer.from(text);
          const tailBytes = seed % (limit + 1);
          const parts = layOut(bytes, tail, tailBytes, limit);
          expect(Buffer.concat(parts.map((part) => part.bytes)).equals(bytes)).toBe(true);
          const sizes = new Map([[tail, tailBytes]]);
          for (const { chunk, bytes: part } of parts) {
            sizes.set(chunk, (sizes.get(chunk) ?? 0) + part.length);
            expect(part.toString()).toBe(Buffer.from(part.toString()).toString());
            expect(part.toString().includes('\uFFFD')).toBe(text.includes('\uFFFD') && part.includes('\uFFFD'));
          }
          for (const size of sizes.values()) expect(size).toBeLessThanOrEqual(limit);
          const indexes = parts.map((part) => part.chunk);
          expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
          if (indexes.length > 0) expect(new Set(indexes).size).toBe(indexes.length);
        },
      ),
    );
  });
});

describe('what is cut from a log that is too long', () => {
  const chunks = (...bytes: number[]) => bytes.map((size, chunk) => ({ chunk, bytes: size }));

  test('is the oldest behind the first two chunks, and never the last one', () => {
    expect(chunksToCut(chunks(10, 10, 10, 10, 10), 50, 100)).toEqual([]);
    expect(chunksToCut(chunks(10, 10, 10, 10, 10), 50, 40)).toEqual([2]);
    expect(chunksToCut(chunks(10, 10, 10, 10, 10), 50, 1)).toEqual([2, 3]);
    expect(chunksToCut(chunks(10, 10, 10), 30, 1)).toEqual([]);
  });
});

describe('redaction of a log in pieces', () => {
  const key = '-----BEGIN RSA PRIVATE KEY-----\nnot/really/a/key\nat+all==\n-----END RSA PRIVATE KEY-----';

  test('lets nothing of a private key through, wherever it is cut', () => {
    const text = `before\n${key}\nafter\n`;
    for (let first = 0; first <= text.length; first += 1) {
      const one = redactPiece(text.slice(0, first), false);
      const two = redactPiece(text.slice(first), one.insideKey);
      // A cut within the BEGIN line itself is not recognised; agents and loggers cut at line ends.
      const begin = text.indexOf('-----BEGIN');
      if (first > begin && first < begin + '-----BEGIN RSA PRIVATE KEY-----'.length) continue;
      const shown = one.text + two.text;
      expect(shown).not.toContain('really');
      expect(shown).not.toContain('all==');
      expect(shown.startsWith('before\n')).toBe(true);
      expect(shown.endsWith('\nafter\n')).toBe(true);
      expect(two.insideKey).toBe(false);
    }
  });

  test('goes on with the first line that can be no part of a key', () => {
    expect(redactPiece('abc\n2026-01-01 INFO a line\nmore\n', true)).toEqual({
      text: '2026-01-01 INFO a line\nmore\n',
      insideKey: false,
    });
    expect(redactPiece('the text "-----BEGIN PRIVATE KEY-----" in a sentence\n', false).insideKey).toBe(false);
  });

  test('goes on behind the end of the key, and through pieces that are nothing but key', () => {
    const begun = redactPiece('x\n-----BEGIN PRIVATE KEY-----\nabc\n', false);
    expect(begun).toEqual({ text: 'x\n[redacted]', insideKey: true });
    expect(redactPiece('Proc-Type: 4,ENCRYPTED\ndef\n', true)).toEqual({ text: '', insideKey: true });
    expect(redactPiece('ghi\n-----END PRIVATE KEY-----\nrest\n', true)).toEqual({ text: '\nrest\n', insideKey: false });
  });
});
