import type { LogOptions } from '../executor.ts';
import type { LogChunk, LogGap } from '../executor.ts';
import type { Redact } from './safe-end.ts';
import { MAX_PEM_BYTES, lastLineEnd, safeEnd } from './safe-end.ts';

/** Opens the raw output of one run; what `executor.logs(runId, …)` does. */
export type ReadLog = (options: LogOptions) => AsyncIterable<LogChunk | LogGap>;

export interface AlignedStart {
  readonly fromByte: number;
  /** True when no line start was found near enough. */
  readonly startsInside: boolean;
}

/** Bytes before the wanted offset that are read to find its line, one try after the other. */
const LOOK_BACK = [65_536, 1_048_576, 16_777_216] as const;

/**
 * The place to resume at: the start of the line, or of the private key, that the offset stands in, so that a credential
 * which an earlier frame ended before is recognised again. An offset at a line end outside of a redaction stays.
 */
export async function alignedStart(
  read: ReadLog,
  fromByte: number,
  redact: Redact,
  signal: AbortSignal,
): Promise<AlignedStart> {
  if (fromByte <= 0) return { fromByte: 0, startsInside: false };
  for (const distance of LOOK_BACK) {
    const start = Math.max(0, fromByte - distance);
    const before = await bytesBefore(read, start, fromByte, signal);
    if (before === undefined) break;
    const lines = lastLineEnd(before.bytes);
    // A key may have begun before what was read, so the first part of it proves nothing, unless it is the beginning.
    const proven = before.fromByte === 0 || lines > MAX_PEM_BYTES;
    const safe = lines === 0 || !proven ? 0 : safeEnd(before.bytes, lines, redact);
    if (safe > 0 || before.fromByte === 0) return { fromByte: before.fromByte + safe, startsInside: false };
    if (before.fromByte > start) break;
  }
  return { fromByte, startsInside: true };
}

/** What can be had of [from, to) without a break before `to`; undefined when the log does not reach `to`. */
async function bytesBefore(
  read: ReadLog,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<{ readonly fromByte: number; readonly bytes: Uint8Array } | undefined> {
  const bytes = new Uint8Array(to - from);
  let begin = from;
  let position = from;
  for await (const piece of read({ fromByte: from, follow: false, signal })) {
    if ('gap' in piece) {
      begin = position = Math.max(position, piece.toByte);
    } else {
      if (piece.fromByte > position) begin = piece.fromByte;
      const wanted = piece.bytes.subarray(0, Math.max(0, to - piece.fromByte));
      bytes.set(wanted, piece.fromByte - from);
      position = piece.fromByte + wanted.length;
    }
    if (position >= to) break;
  }
  return position === to && begin < to ? { fromByte: begin, bytes: bytes.subarray(begin - from) } : undefined;
}
