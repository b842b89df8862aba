import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_TIME_BYTES, compareTimes, readLineTime, timeText } from '../../src/logs/line-time.ts';

const read = (text: string, from = 0) => readLineTime(Buffer.from(text), from);

describe('readLineTime', () => {
  it('reads every time the API can write, to the nanosecond and in any zone', () => {
    const instant = fc.integer({ min: 0, max: 4_102_444_799 });
    const nanos = fc.integer({ min: 0, max: 999_999_999 });
    const offset = fc.option(fc.integer({ min: -14 * 60, max: 14 * 60 }));
    fc.assert(
      fc.property(instant, nanos, offset, (seconds, fraction, minutes) => {
        const local = timeText(seconds + (minutes ?? 0) * 60).slice(0, -1);
        const of = Math.abs(minutes ?? 0);
        const pair = (value: number): string => String(value).padStart(2, '0');
        const sign = (minutes ?? 0) < 0 ? '-' : '+';
        const zone = minutes === null ? 'Z' : `${sign}${pair(Math.floor(of / 60))}:${pair(of % 60)}`;
        const text = `${local}.${String(fraction).padStart(9, '0')}${zone} `;
        expect(read(`x${text}rest`, 1)).toEqual({ time: { seconds, nanos: fraction }, end: text.length + 1 });
        expect(text.length).toBeLessThanOrEqual(LONGEST_TIME_BYTES);
        for (let length = 0; length < text.length; length += 1) expect(read(text.slice(0, length))).toBe('more');
      }),
      { numRuns: 50 },
    );
  });

  it('reads shorter fractions, and none', () => {
    expect(read('2026-01-31T12:00:00.5Z x')).toMatchObject({ time: { nanos: 500_000_000 } });
    expect(read('2026-01-31T12:00:00Z x')).toMatchObject({ time: { nanos: 0 } });
  });

  it('takes nothing else for a time', () => {
    for (const text of [
      'unable to retrieve container logs',
      '2026-01-31 12:00:00.5Z x',
      '2026-01-31T12:00:00.5Zx',
      '2026-01-31T12:00:00.5\n',
      '2026-01-31T12:00:0a.5Z x',
      '2026-01-31T12:00:00.1234567890Z x',
      '2026-01-31T12:00:00.5+0a:00 x',
      '\n',
    ]) {
      expect(read(text)).toBeUndefined();
    }
  });
});

describe('compareTimes', () => {
  it('goes by seconds, then by nanoseconds', () => {
    expect(compareTimes({ seconds: 1, nanos: 9 }, { seconds: 2, nanos: 0 })).toBeLessThan(0);
    expect(compareTimes({ seconds: 2, nanos: 1 }, { seconds: 2, nanos: 0 })).toBeGreaterThan(0);
    expect(compareTimes({ seconds: 2, nanos: 1 }, { seconds: 2, nanos: 1 })).toBe(0);
  });
});
