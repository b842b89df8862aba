import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkSchedule, fiveFields, latestSlot, nextSlot } from '../../src/scheduler/cron.ts';
import type { Schedule } from '../../src/scheduler/cron.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Ordinary changes, half an hour, midnight, none. */
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'America/Santiago',
  'Asia/Kolkata',
  'UTC',
] as const;

const at = (iso: string): number => Date.parse(iso);
const iso = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : new Date(instant).toISOString();
const daily = (expression: string, timeZone: string): Schedule => ({ expression, timeZone });

function slots(schedule: Schedule, from: number, to: number): number[] {
  const found: number[] = [];
  for (let slot = nextSlot(schedule, from); slot !== undefined && slot <= to; slot = nextSlot(schedule, slot)) {
    found.push(slot);
  }
  return found;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function local(instant: number, timeZone: string): { day: string; hour: number; minute: number } {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short', timeStyle: 'short', hourCycle: 'h23' });
  formats.set(timeZone, format);
  const [day = '', time = ''] = format.format(instant).split(', ');
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return { day, hour, minute };
}

describe('a five-field schedule over changes of the clocks', () => {
  const zone = fc.constantFrom(...ZONES);
  const start = fc.integer({ min: at('2024-01-01T00:00:00Z') / MINUTE, max: at('2030-01-01T00:00:00Z') / MINUTE });

  test('at a fixed time fires exactly once on every local day, for any zone and time', () => {
    fc.assert(
      fc.property(
        zone,
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        start,
        (timeZone, h, m, from) => {
          const begin = from * MINUTE;
          const days = slots(daily(`${m} ${h} * * *`, timeZone), begin, begin + 400 * DAY).map(
            (slot) => local(slot, timeZone).day,
          );
          expect(new Set(days).size).toBe(days.length);
          expect(days.length).toBeGreaterThanOrEqual(399);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('with a wildcard fires at every real instant whose local minute matches', () => {
    fc.assert(
      fc.property(zone, fc.constantFrom(5, 15, 20, 30), start, (timeZone, step, from) => {
        const begin = from * MINUTE;
        const end = begin + 5 * DAY;
        const wanted: number[] = [];
        for (let instant = begin + MINUTE; instant <= end; instant += MINUTE) {
          if (local(instant, timeZone).minute % step === 0) wanted.push(instant);
        }
        expect(slots(daily(`*/${step} * * * *`, timeZone), begin, end)).toEqual(wanted);
      }),
      { numRuns: 10 },
    );
  });

  test('moves forward, in whole minutes, and to the same slot from everywhere before it', () => {
    const expression = fc.constantFrom('30 2 * * *', '0 0 * * 1', '15,45 1-3 * * *', '*/10 * * * *', '0 12 1 * *');
    fc.assert(
      fc.property(zone, expression, start, fc.double({ min: 0, max: 1, noNaN: true }), (timeZone, text, from, part) => {
        const schedule = daily(text, timeZone);
        const begin = from * MINUTE;
        const first = nextSlot(schedule, begin) ?? 0;
        expect(first).toBeGreaterThan(begin);
        expect(first % MINUTE).toBe(0);
        const between = begin + Math.floor((first - begin - 1) * part);
        expect(nextSlot(schedule, between)).toBe(first);
        expect(latestSlot(schedule, begin, first)).toBe(first);
        expect(latestSlot(schedule, begin, first - 1)).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  test('has as its latest slot the last one that going forward finds', () => {
    const expression = fc.constantFrom('30 2 * * *', '15,45 1-3 * * *', '*/20 * * * *', '0 */6 * * *');
    fc.assert(
      fc.property(zone, expression, start, fc.integer({ min: 0, max: 3 * DAY }), (timeZone, text, from, length) => {
        const schedule = daily(text, timeZone);
        const begin = from * MINUTE;
        expect(latestSlot(schedule, begin, begin + length)).toBe(slots(schedule, begin, begin + length).at(-1));
      }),
      { numRuns: 100 },
    );
  });

  test('that does not exist in spring fires at the end of the gap, on the same day', () => {
    const schedule = daily('30 2 * * *', 'Europe/Berlin');
    expect(iso(nextSlot(schedule, at('2026-03-28T12:00:00Z')))).toBe('2026-03-29T01:00:00.000Z');
    const cairo = daily('30 0 * * *', 'Africa/Cairo');
    expect(iso(nextSlot(cairo, at('2026-04-23T12:00:00Z')))).toBe('2026-04-23T22:00:00.000Z');
  });

  test('that exists twice in autumn fires at the first', () => {
    const schedule = daily('30 2 * * *', 'Europe/Berlin');
    const found = slots(schedule, at('2026-10-24T12:00:00Z'), at('2026-10-26T12:00:00Z')).map(iso);
    expect(found).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  });

  test('at several fixed times of a day keeps to the same rules', () => {
    const schedule = daily('30 2,14 * * *', 'Europe/Berlin');
    const spring = slots(schedule, at('2026-03-28T23:00:00Z'), at('2026-03-29T22:00:00Z')).map(iso);
    expect(spring).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-29T12:30:00.000Z']);
    const autumn = slots(schedule, at('2026-10-24T22:00:00Z'), at('2026-10-25T23:00:00Z')).map(iso);
    expect(autumn).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T13:30:00.000Z']);
  });

  test('keeps to its start and end dates, both included', () => {
    const schedule = {
      ...daily('0 * * * *', 'UTC'),
      startAt: at('2026-01-02T03:00:00Z'),
      endAt: at('2026-01-02T05:00:00Z'),
    };
    const found = slots(schedule, at('2026-01-01T00:00:00Z'), at('2026-01-03T00:00:00Z')).map(iso);
    expect(found).toEqual(['2026-01-02T03:00:00.000Z', '2026-01-02T04:00:00.000Z', '2026-01-02T05:00:00.000Z']);
    expect(iso(latestSlot(schedule, 0, at('2026-01-09T00:00:00Z')))).toBe('2026-01-02T05:00:00.000Z');
    expect(latestSlot(schedule, 0, at('2026-01-02T02:59:59Z'))).toBeUndefined();
  });
});

describe('a schedule', () => {
  const now = at('2026-01-01T00:00:00Z');

  test.each([
    ['@hourly', '0 * * * *'],
    ['@daily', '0 0 * * *'],
    ['@Midnight', '0 0 * * *'],
    ['@weekly', '0 0 * * 0'],
    ['@monthly', '0 0 1 * *'],
    ['@yearly', '0 0 1 1 *'],
    ['@annually', '0 0 1 1 *'],
  ])('may be the nickname %s', (nickname, fields) => {
    expect(fiveFields(nickname)).toBe(fields);
    expect(() => checkSchedule({ expression: nickname, timeZone: 'UTC' }, now)).not.toThrow();
  });

  test.each(['0 0 * * MON-FRI', '0 0 1 JUL *', '0 0 * * 7', '5,10 1-3 */2 * *', '0 0 29 2 *', '  0 0 * * *  '])(
    'may be %s',
    (expression) => {
      expect(() => checkSchedule({ expression, timeZone: 'Europe/Berlin' }, now)).not.toThrow();
    },
  );

  test.each([
    ['six fields', '0 0 0 * * *'],
    ['a year', '0 0 0 * * * 2026'],
    ['no field', ''],
    ['@reboot', '@reboot'],
    ['@never', '@never'],
    ['a minute that does not exist', '60 * * * *'],
    ['a day that never comes', '0 0 31 2 *'],
    ['the last day', '0 0 L * *'],
    ['the last Friday', '0 0 * * FRIL'],
    ['a working day', '0 0 15W * *'],
    ['the second Monday', '0 0 * * 1#2'],
    ['a question mark', '0 0 ? * *'],
    ['words', 'a b c d e'],
    ['a date', '2026-01-01T00:00:00'],
    ['an endless text', '* '.repeat(5_000)],
    ['another script', '٥ * * * *'],
  ])('is refused with %s', (_, expression) => {
    expect(() => checkSchedule({ expression, timeZone: 'UTC' }, now)).toThrow(
      expect.objectContaining({ code: 'invalid_schedule', hint: expect.any(String) as string }),
    );
  });

  test('is refused with a zone that does not exist', () => {
    for (const timeZone of ['Europe/Atlantis', '', 'CET;DROP', '+25:00']) {
      expect(() => checkSchedule({ expression: '@daily', timeZone }, now)).toThrow(
        expect.objectContaining({ code: 'invalid_schedule' }),
      );
    }
  });

  test('that is any text is accepted or refused, and never anything else', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom('*', '*/5', '1-5', '0', '61', 'MON', '@daily', ' ', '-', ','));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 7 }), fc.constantFrom('UTC', 'Europe/Berlin'), (pieces, timeZone) => {
        const schedule = { expression: pieces.join(' '), timeZone };
        try {
          checkSchedule(schedule, now);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_schedule' });
          return;
        }
        expect(nextSlot(schedule, now)).toBeGreaterThan(now);
      }),
      { numRuns: 500 },
    );
  });
});
