import { testClock } from '@runner/core/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ContainerLog, nanoTime, parseNanoTime } from '../../src/testing/server/test-log.ts';

function entries(
  log: ContainerLog,
): readonly { readonly fromByte: number; readonly time: bigint; readonly bytes: Buffer }[] {
  return Array.from({ length: log.length - log.first }, (_, i) => log.entry(log.first + i)).filter(
    (one) => one !== undefined,
  );
}

it('loses, repeats and reorders no byte, however it was written', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 16_000, max: 40_000 }).map((length) => Buffer.alloc(length, 'x')),
    fc.constantFrom('\n', 'line\n', '\n\n').map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const log = new ContainerLog(testClock());
      for (const bytes of pieces) log.write(bytes);
      log.end();
      const all = entries(log);
      expect(Buffer.concat(all.map((one) => one.bytes)).equals(Buffer.concat(pieces))).toBe(true);
      let at = 0;
      for (const one of all) {
        expect(one.fromByte).toBe(at);
        expect(one.bytes.subarray(0, -1).includes(10)).toBe(false);
        expect(one.bytes.length).toBeLessThanOrEqual(16 * 1024 + 1);
        at += one.bytes.length;
      }
      expect(all.every((one, i) => i === 0 || one.time > (all[i - 1]?.time ?? 0n))).toBe(true);
    }),
  );
});

it('keeps what was not ended to itself until the program is over', () => {
  const log = new ContainerLog(testClock());
  log.write(Buffer.from('a\nb'));
  expect(entries(log).map((one) => one.bytes.toString())).toEqual(['a\n']);
  log.end();
  expect(entries(log).map((one) => one.bytes.toString())).toEqual(['a\n', 'b']);
});

it('rotates whole lines away and keeps the offsets of the others', () => {
  const log = new ContainerLog(testClock());
  log.write(Buffer.from('one\ntwo\nthree\n'));
  log.rotate(4);
  expect(entries(log).map((one) => one.fromByte)).toEqual([4, 8]);
  log.rotate(1000);
  log.write(Buffer.from('four\n'));
  expect(entries(log).map((one) => [one.fromByte, one.bytes.toString()])).toEqual([[14, 'four\n']]);
});

it('writes and reads times to the nanosecond', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }), (time) => {
      expect(parseNanoTime(nanoTime(time))).toBe(time);
    }),
  );
  expect(parseNanoTime('2026-01-01T01:00:00+01:00')).toBe(parseNanoTime('2026-01-01T00:00:00Z'));
  expect(parseNanoTime('2026-01-01T00:00:00.5Z')).toBe((parseNanoTime('2026-01-01T00:00:00Z') ?? 0n) + 500_000_000n);
  expect(parseNanoTime('yesterday')).toBeUndefined();
});
