import { Buffer } from 'node:buffer';

/** Longest private key that is recognised across lines, in bytes; RSA with 16,384 bits needs 12,700. */
export const MAX_PEM_BYTES = 16_384;

/** Removes what looks like a credential from a text. */
export type Redact = (text: string) => string;

const NEWLINE = 0x0a;
/** How far back something may stand that makes the beginning of the next line a secret (`password:`, line break). */
const CONTEXT_BYTES = 1_024;
/** Stands for whatever may follow: alone it is no secret, after `Bearer` it is one. */
const PROBE = `${'x7'.repeat(24)}\n`;
const PEM_BEGIN = /-----BEGIN [A-Z ]*PRIVATE KEY-----/g;
const PEM_END = /-----END [A-Z ]*PRIVATE KEY-----/;

/**
 * The last line end at or before `end` that no redaction spans, as an index into `bytes`; 0 when there is none. `end`
 * must stand behind a newline, and `bytes` must begin where no redaction is going on.
 */
export function safeEnd(bytes: Uint8Array, end: number, redact: Redact): number {
  let candidate = end;
  while (candidate > 0) {
    const pem = openPem(bytes, candidate);
    if (pem !== undefined) {
      candidate = lineStart(bytes, pem);
    } else if (isOpen(ascii(bytes, candidate - CONTEXT_BYTES, candidate), redact)) {
      candidate = lineStart(bytes, candidate - 1);
    } else {
      return candidate;
    }
  }
  return 0;
}

/** Behind the last newline of `bytes`; 0 when there is none. */
export function lastLineEnd(bytes: Uint8Array): number {
  return bytes.lastIndexOf(NEWLINE) + 1;
}

/** Where a private key begins that has not ended before `end`. */
function openPem(bytes: Uint8Array, end: number): number | undefined {
  const from = Math.max(0, end - MAX_PEM_BYTES);
  const text = ascii(bytes, from, end);
  let open: number | undefined;
  for (const begin of text.matchAll(PEM_BEGIN)) {
    // A second BEGIN inside of an open block belongs to it.
    if (open === undefined || PEM_END.test(text.slice(open, begin.index))) open = begin.index;
  }
  return open === undefined || PEM_END.test(text.slice(open)) ? undefined : from + open;
}

/** True when text that follows would be redacted because of this one. */
function isOpen(text: string, redact: Redact): boolean {
  return redact(text + PROBE) !== redact(text) + PROBE;
}

function lineStart(bytes: Uint8Array, index: number): number {
  return index === 0 ? 0 : bytes.lastIndexOf(NEWLINE, index - 1) + 1;
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  const start = Math.max(0, from);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, to - start).toString('latin1');
}
