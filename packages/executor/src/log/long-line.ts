import type { Redact } from './safe-end.ts';

/** Cuts are looked for behind one of these first: people read lines that were cut between words. */
const DELIMITERS: ReadonlySet<number> = new Set(new TextEncoder().encode('\t\r "\'`,;&|<>(){}[]'));
/** How far before the limit cuts are tried. The larger ones lead out of a private key. */
const STEPS = [0, 256, 1_024, 4_096, 8_192, 16_384, 32_768] as const;
/** How far before a step a delimiter is looked for. */
const WORD = 4_096;
const REDACTED = '[redacted]';
/** The head of a JWT that has not shown its signature yet. */
const UNFINISHED_JWT = /eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?$/;

/**
 * Where a line that is longer than `limit` bytes may be cut: an index into `bytes` of at most `limit` where no
 * redaction and no UTF-8 sequence is cut in two. Undefined when there is no such place.
 *
 * `bytes` should reach some KiB beyond the limit: a credential is recognised by what follows.
 */
export function safeCut(bytes: Uint8Array, limit: number, redact: Redact): number | undefined {
  const whole = decode(bytes);
  const redacted = redact(whole);
  const unfinished = UNFINISHED_JWT.exec(whole);
  // Bytes behind the JWT's head are ASCII, so its distance from the end counts bytes as well.
  const last = unfinished === null ? limit : bytes.length - (whole.length - unfinished.index);
  const isSafe = (cut: number): boolean =>
    cut <= last && redact(decode(bytes.subarray(0, cut))) + redact(decode(bytes.subarray(cut))) === redacted;
  const from = STEPS.filter((step) => step < limit).map((step) => limit - step);
  return (
    from.map((index) => behindDelimiter(bytes, index)).find((cut) => cut !== undefined && isSafe(cut)) ??
    // One unbroken word, such as a file in base64.
    from.map((index) => utf8Boundary(bytes, index)).find((cut) => cut > 0 && isSafe(cut))
  );
}

/**
 * What may be shown of a long line that has no safe cut. When a redaction goes on to the end of what is seen, that is
 * the text so far; otherwise only what stands before the word that may become a credential.
 */
export function boundedText(bytes: Uint8Array, redact: Redact): string {
  const text = decode(bytes);
  const redacted = redact(text);
  if (redacted.endsWith(REDACTED)) return redacted;
  const unfinished = UNFINISHED_JWT.exec(text);
  const before = unfinished === null ? '' : text.slice(0, text.lastIndexOf(' ', unfinished.index) + 1);
  return `${redact(before)}${REDACTED}`;
}

function behindDelimiter(bytes: Uint8Array, from: number): number | undefined {
  for (let index = from; index > Math.max(0, from - WORD); index -= 1) {
    const before = bytes[index - 1];
    if (before !== undefined && DELIMITERS.has(before)) return index;
  }
  return undefined;
}

/** The nearest index at or before `index` that does not stand inside a UTF-8 sequence. */
function utf8Boundary(bytes: Uint8Array, index: number): number {
  for (let back = 0; back <= 3; back += 1) {
    const byte = bytes[index - back];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return index - back;
  }
  // Four continuation bytes in a row are no sequence: any cut does.
  return index;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes as text; each byte that is not UTF-8 becomes U+FFFD. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
