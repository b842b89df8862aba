/** Pure decisions about a stored log: what of a piece is new, and into which chunks it goes. */

/** Largest chunk, in bytes of UTF-8; OpenMetadata pages logs by it. */
export const CHUNK_BYTES = 983_040;
/** These first chunks are never cut: together they hold the first 1 MiB. */
export const HEAD_CHUNKS = 2;

export const CUT_MARKER = '[this part of the log was removed to keep the log within its limit]\n';

export interface NewPiece {
  readonly text: string;
  readonly rawTo: number;
}

/** What of a piece lies behind `end`, the raw end so far. Undefined: nothing. A hole in between becomes a visible mark. */
export function newPart(
  end: number,
  piece: { readonly rawFrom?: number; readonly rawTo?: number; readonly text: string },
): NewPiece | undefined {
  const { text } = piece;
  const rawFrom = piece.rawFrom ?? end;
  const rawTo = piece.rawTo ?? rawFrom + Buffer.byteLength(text);
  if (rawTo <= end) return undefined;
  if (rawFrom > end) return { text: `\n[bytes ${end} to ${rawFrom} of this log could not be read]\n${text}`, rawTo };
  if (rawFrom === end) return { text, rawTo };
  return { text: withoutFirst(text, end - rawFrom, rawTo - rawFrom), rawTo };
}

/**
 * Text without what stands for its first `known` raw bytes. Exact when text and raw bytes have the same length; else
 * something was redacted or replaced, and the cut is made at the same share of the text: a few characters may then
 * repeat or be missing at this one place, which agents avoid by ending frames where a resume begins.
 */
function withoutFirst(text: string, known: number, raw: number): string {
  const bytes = Buffer.from(text);
  const at = bytes.length === raw ? known : Math.round((known / raw) * bytes.length);
  return bytes.subarray(boundaryAfter(bytes, at)).toString();
}

export interface Part {
  readonly chunk: number;
  readonly bytes: Buffer;
}

/** Cuts bytes of UTF-8 into chunks, the first of which goes on behind `tailBytes` bytes of chunk `tail`. */
export function layOut(bytes: Buffer, tail: number, tailBytes: number, limit = CHUNK_BYTES): readonly Part[] {
  const parts: Part[] = [];
  let chunk = tail;
  let room = limit - tailBytes;
  for (let from = 0; from < bytes.length;) {
    const to = bytes.length - from <= room ? bytes.length : boundaryBefore(bytes, from + room);
    if (to > from) parts.push({ chunk, bytes: bytes.subarray(from, to) });
    from = Math.max(from, to);
    if (from < bytes.length) {
      chunk += 1;
      room = limit;
    }
  }
  return parts;
}

const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0b1100_0000) === 0b1000_0000;

function boundaryBefore(bytes: Buffer, at: number): number {
  let index = at;
  while (index > 0 && continues(bytes[index])) index -= 1;
  return index;
}

function boundaryAfter(bytes: Buffer, at: number): number {
  let index = Math.min(at, bytes.length);
  while (continues(bytes[index])) index += 1;
  return index;
}

/** Which chunks to delete so that no more than `limit` bytes stay: oldest first, never the head, never the last. */
export function chunksToCut(
  sizes: readonly { readonly chunk: number; readonly bytes: number }[],
  stored: number,
  limit: number,
): readonly number[] {
  const cut: number[] = [];
  let left = stored;
  const middle = sizes.filter(({ chunk }) => chunk >= HEAD_CHUNKS).sort((a, b) => a.chunk - b.chunk);
  for (const { chunk, bytes } of middle.slice(0, -1)) {
    if (left <= limit) break;
    cut.push(chunk);
    left -= bytes;
  }
  return cut;
}
