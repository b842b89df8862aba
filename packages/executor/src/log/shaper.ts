import { Buffer } from 'node:buffer';
import { redactText } from '@runner/core';
import type { LogChunk, LogGap } from '../executor.ts';
import { createByteQueue } from './byte-queue.ts';
import { boundedText, decode, safeCut } from './long-line.ts';
import type { Redact } from './safe-end.ts';
import { lastLineEnd, safeEnd } from './safe-end.ts';

/** Most bytes of UTF-8 in the `data` of one frame. */
export const MAX_FRAME_BYTES = 65_536;

/** A piece of output that is safe to show: decoded, redacted, and ending where no redaction is going on. */
export interface LogFrame {
  /** Raw bytes [rawFrom, rawTo) of the main program's output that `data` stands for; lengths may differ. */
  readonly rawFrom: number;
  readonly rawTo: number;
  readonly data: string;
  /** The line goes on in the next frame. */
  readonly continued?: true;
}

/** Raw bytes [rawFrom, rawTo) cannot be shown: they are gone, or stand so close to what is gone that they cannot be judged. */
export interface LogGapFrame {
  readonly rawFrom: number;
  readonly rawTo: number;
  readonly gap: true;
}

export interface LogShaperOptions {
  /** Raw offset of the first byte that will be pushed. Default 0. */
  readonly fromByte?: number;
  /** True when that offset may stand inside a line: text up to the next line end becomes a gap. Default false. */
  readonly startsInside?: boolean;
  /** Removes credentials. Default `redactText` of core. */
  readonly redact?: Redact;
}

/**
 * Turns raw pieces into safe frames. Frames are contiguous. Which frames come out depends on the bytes alone, however
 * they were cut into pieces, as long as `flush` is not called; a flush adds frame ends, but changes no text.
 */
export interface LogShaper {
  push(piece: LogChunk | LogGap): readonly (LogFrame | LogGapFrame)[];
  /** Gives out complete lines that wait for a frame to fill. For live logs. */
  flush(): readonly (LogFrame | LogGapFrame)[];
  /** Nothing follows: gives out everything, the unfinished last line included. */
  end(): readonly (LogFrame | LogGapFrame)[];
}

type Mode = 'more' | 'flush' | 'end';
type Frame = LogFrame | LogGapFrame;
interface Cut {
  readonly length: number;
  readonly continued?: true;
}

/** Raw bytes of one frame. The smaller one is for output that grows: redaction and U+FFFD at most triple a byte. */
const RAW_LIMITS = [MAX_FRAME_BYTES, 20_480] as const;
/** Bytes beyond a cut that are looked at, to recognise a credential that begins before it. */
const LOOKAHEAD = 8_192;
const WINDOW = MAX_FRAME_BYTES + LOOKAHEAD;
const REDACTED = '[redacted]';
const NEWLINE = 0x0a;
/** After a gap, lines like these may be the rest of a private key. */
const KEY_BODY = /^(?:[A-Za-z0-9+/=]{16,}|-----END [A-Z ]*-----)\s*$/;

export function createLogShaper(options: LogShaperOptions = {}): LogShaper {
  const { fromByte = 0, startsInside = false, redact = redactText } = options;
  const queue = createByteQueue();
  /** Raw offset of the first byte in the queue. */
  let at = fromByte;
  /** Start of a gap whose end is not known yet. */
  let gapFrom = startsInside ? fromByte : undefined;
  /** Whether the first line after the gap has been left out. */
  let gapLineDone = false;
  /** A line whose rest is left out, because a credential in it is too long to be bounded; what is shown instead. */
  let swallow: { readonly from: number; readonly data: string } | undefined;

  const take = (length: number): void => {
    queue.drop(length);
    at += length;
  };

  const frame = ({ length, continued }: Cut, data: string): LogFrame => {
    const rawFrom = at;
    take(length);
    return { rawFrom, rawTo: at, data, ...(continued === true ? { continued } : {}) };
  };

  /** Leaves out the line the gap ended in and what may be the rest of a key; undefined while that is not decided. */
  const closeGap = (start: number, mode: Mode): LogGapFrame | undefined => {
    while (queue.length > 0) {
      const line = queue.peek(MAX_FRAME_BYTES);
      const end = line.indexOf(NEWLINE) + 1 || (mode === 'end' ? line.length : 0);
      if (end === 0) {
        if (queue.length < MAX_FRAME_BYTES) return undefined;
        take(line.length);
        gapLineDone = false;
      } else if (!gapLineDone || KEY_BODY.test(decode(line.subarray(0, end)))) {
        take(end);
        gapLineDone = true;
      } else {
        break;
      }
    }
    if (queue.length === 0 && mode !== 'end') return undefined;
    gapFrom = undefined;
    gapLineDone = false;
    return at > start ? { rawFrom: start, rawTo: at, gap: true } : undefined;
  };

  const openSwallow = (): void => {
    const bytes = queue.peek(WINDOW);
    const newline = bytes.indexOf(NEWLINE);
    const data = boundedText(newline === -1 ? bytes : bytes.subarray(0, newline), redact);
    swallow = { from: at, data: Buffer.byteLength(data) < MAX_FRAME_BYTES ? data : REDACTED };
  };

  /** Drops the rest of the line; its newline ends the frame. */
  const closeSwallow = (begun: { from: number; data: string }, mode: Mode): LogFrame | undefined => {
    const bytes = queue.peek(queue.length);
    const newline = bytes.indexOf(NEWLINE);
    take(newline === -1 ? bytes.length : newline + 1);
    if (newline === -1 && mode !== 'end') return undefined;
    swallow = undefined;
    return { rawFrom: begun.from, rawTo: at, data: newline === -1 ? begun.data : `${begun.data}\n` };
  };

  const cutAt = (limit: number, mode: Mode): Cut | 'wait' | 'swallow' => {
    const bytes = queue.peek(limit);
    const whole = queue.length <= limit;
    if (whole && mode === 'end') return { length: bytes.length };
    const lines = lastLineEnd(bytes);
    const safe = lines === 0 ? 0 : safeEnd(bytes, lines, redact);
    if (safe > 0) return { length: safe };
    if (queue.length < WINDOW && mode !== 'end') return 'wait';
    const cut = safeCut(queue.peek(limit + LOOKAHEAD), limit, redact);
    if (cut === undefined) return 'swallow';
    return bytes[cut - 1] === NEWLINE ? { length: cut } : { length: cut, continued: true };
  };

  const nextText = (mode: Mode): LogFrame | undefined => {
    if (queue.length === 0 || (mode === 'more' && queue.length < WINDOW)) return undefined;
    for (const limit of RAW_LIMITS) {
      const cut = cutAt(limit, mode);
      if (cut === 'wait') return undefined;
      if (cut === 'swallow') break;
      const data = redact(decode(queue.peek(cut.length)));
      if (Buffer.byteLength(data) <= MAX_FRAME_BYTES) return frame(cut, data);
    }
    openSwallow();
    return undefined;
  };

  const drain = (mode: Mode): Frame[] => {
    const frames: Frame[] = [];
    for (;;) {
      const next: Frame | undefined =
        gapFrom !== undefined
          ? closeGap(gapFrom, mode)
          : swallow !== undefined
            ? closeSwallow(swallow, mode)
            : nextText(mode);
      if (next !== undefined) frames.push(next);
      else if (swallow === undefined || queue.length === 0) return frames;
    }
  };

  const beginGap = (to: number): Frame[] => {
    const frames = drain('flush');
    // What is left is the beginning of something that the gap has cut.
    gapFrom ??= swallow?.from ?? at;
    swallow = undefined;
    gapLineDone = false;
    queue.drop(queue.length);
    at = to;
    return frames;
  };

  return {
    push: (piece) => {
      const expected = at + queue.length;
      if ('gap' in piece) return piece.toByte > expected ? beginGap(piece.toByte) : [];
      const frames = piece.fromByte > expected ? beginGap(piece.fromByte) : [];
      const overlap = Math.max(0, expected - piece.fromByte);
      if (overlap < piece.bytes.length) queue.append(piece.bytes.subarray(overlap));
      return [...frames, ...drain('more')];
    },
    flush: () => drain('flush'),
    end: () => drain('end'),
  };
}
