/** When a line was written, by the clock of its node. */
export interface LineTime {
  /** Seconds since 1970. */
  readonly seconds: number;
  readonly nanos: number;
}

/** `2026-01-31T12:00:00.123456789+02:00` and the blank after it. */
export const LONGEST_TIME_BYTES = 36;

const DOT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const BLANK = 0x20;
const ZED = 0x5a;
const TEE = 0x54;

/** Length up to the seconds, and what separates the numbers. */
const DATE_BYTES = 19;
const SEPARATORS = [
  [4, MINUS],
  [7, MINUS],
  [10, TEE],
  [13, COLON],
  [16, COLON],
] as const;

/**
 * Reads the time that the API puts before a line (RFC 3339, up to nine digits of fraction, `Z` or an offset, and a
 * blank). `more` when the bytes end before that can be told; undefined when there is no time.
 */
export function readLineTime(
  bytes: Uint8Array,
  from: number,
): { readonly time: LineTime; readonly end: number } | 'more' | undefined {
  for (const [at, separator] of SEPARATORS) {
    const byte = bytes[from + at];
    if (byte !== undefined && byte !== separator) return undefined;
  }
  const [year, month, day] = [digits(bytes, from, 4), digits(bytes, from + 5, 2), digits(bytes, from + 8, 2)];
  const [hour, minute, second] = [11, 14, 17].map((at) => digits(bytes, from + at, 2));
  if ([year, month, day, hour, minute, second].includes(undefined)) return undefined;
  if (bytes.length < from + DATE_BYTES + 1) return 'more';
  const fraction = readFraction(bytes, from + DATE_BYTES);
  const zone = readZone(bytes, fraction.end);
  if (zone === 'more' || zone === undefined) return zone;
  const local = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second) / 1_000;
  return { time: { seconds: local - zone.offset, nanos: fraction.nanos }, end: zone.end };
}

function readFraction(bytes: Uint8Array, from: number): { readonly nanos: number; readonly end: number } {
  if (bytes[from] !== DOT) return { nanos: 0, end: from };
  let nanos = 0;
  let at = from + 1;
  for (let scale = 100_000_000; scale >= 1; scale /= 10, at += 1) {
    const digit = digits(bytes, at, 1);
    if (digit === undefined || at >= bytes.length) break;
    nanos += digit * scale;
  }
  return { nanos, end: at };
}

function readZone(
  bytes: Uint8Array,
  from: number,
): { readonly offset: number; readonly end: number } | 'more' | undefined {
  const sign = bytes[from];
  if (sign === undefined) return 'more';
  if (sign !== ZED && sign !== PLUS && sign !== MINUS) return undefined;
  const end = sign === ZED ? from + 1 : from + 6;
  const [hours, minutes] = sign === ZED ? [0, 0] : [digits(bytes, from + 1, 2), digits(bytes, from + 4, 2)];
  if (hours === undefined || minutes === undefined) return undefined;
  if (bytes.length <= end) return 'more';
  if (bytes[end] !== BLANK) return undefined;
  return { offset: (sign === MINUS ? -1 : 1) * (hours * 3_600 + minutes * 60), end: end + 1 };
}

/** A decimal of so many digits; what is not there yet counts as zeros. Undefined when there is anything else. */
function digits(bytes: Uint8Array, from: number, count: number): number | undefined {
  let value = 0;
  for (let at = from; at < from + count; at += 1) {
    const digit = (bytes[at] ?? 0x30) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Negative when `one` is earlier, 0 when they are the same. */
export function compareTimes(one: LineTime, other: LineTime): number {
  return one.seconds - other.seconds || one.nanos - other.nanos;
}

/** `2026-01-31T12:00:00Z` */
export function timeText(seconds: number): string {
  return `${new Date(seconds * 1_000).toISOString().slice(0, DATE_BYTES)}Z`;
}
