import { Buffer } from 'node:buffer';

/** Characters that Go writes as escapes of six bytes and JSON.stringify as they are. */
const ESCAPED_ASCII = /[<>&]/g;
const ESCAPED_SEPARATOR = /[\u2028\u2029]/g;

/** Bytes of a value as JSON the way Go writes it, which is how Argo and etcd keep it. */
export function goJsonBytes(value: unknown): number {
  const text = JSON.stringify(value);
  const extra = (pattern: RegExp, bytes: number): number => (text.match(pattern)?.length ?? 0) * bytes;
  return Buffer.byteLength(text) + extra(ESCAPED_ASCII, 5) + extra(ESCAPED_SEPARATOR, 3);
}
