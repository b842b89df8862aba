import { Buffer } from 'node:buffer';

/** Characters that Go writes as escapes of six bytes and JSON.stringify as they are. */
const ESCAPED_ASCII = /[<>&]/g;
const ESCAPED_SEPARATOR = /[\u2028\u2029]/g;

/** Most bytes that Go writes for one UTF-16 unit of a text. */
const MOST_OF_A_UNIT = 6;
/** Of a number, a boolean or null; and what stands around an item: quotes, colon, comma. */
const MOST_OF_A_LITERAL = 25;
const AROUND = 4;

/** Whether a value has at most so many bytes as JSON the way Go writes it. Most values are so small that none is written. */
export function isWithin(value: unknown, bytes: number): boolean {
  return mostBytes(value) <= bytes || goJsonBytes(value) <= bytes;
}

function mostBytes(value: unknown): number {
  if (typeof value === 'string') return value.length * MOST_OF_A_UNIT + AROUND;
  if (typeof value !== 'object' || value === null) return MOST_OF_A_LITERAL + AROUND;
  let most = AROUND;
  for (const [key, item] of Object.entries(value)) most += key.length * MOST_OF_A_UNIT + AROUND + mostBytes(item);
  return most;
}

/** Bytes of a value as JSON the way Go writes it, which is how Argo and etcd keep it. */
export function goJsonBytes(value: unknown): number {
  const text = JSON.stringify(value);
  const extra = (pattern: RegExp, bytes: number): number => (text.match(pattern)?.length ?? 0) * bytes;
  return Buffer.byteLength(text) + extra(ESCAPED_ASCII, 5) + extra(ESCAPED_SEPARATOR, 3);
}
