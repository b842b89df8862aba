import type { LogChunk, LogGap } from '@runner/executor';
import { createLineSplitter } from './line-splitter.ts';
import type { LineSplitter } from './line-splitter.ts';
import type { LineTime } from './line-time.ts';
import { LONGEST_TIME_BYTES, compareTimes, timeText } from './line-time.ts';

export interface LogCursorOptions {
  /** First raw byte wanted. */
  readonly fromByte: number;
  /** Whether a log whose first line was written then can still begin with the container's first output. */
  readonly isWhole: (firstLine: LineTime) => boolean;
}

/**
 * Where a reader of a log stands, over all its connections: turns what they bring (text with timestamps) into raw bytes,
 * each once. No I/O.
 *
 * What identifies a place is time: the latest time that any line had, and how many bytes have come since that line began.
 * A new connection is asked for the log from a little before; when that very line comes, so many bytes are skipped and the
 * rest is new. When a later line comes without it, the line has been rotated away: a gap. That holds for lines which
 * were stored in pieces, lines out of order, and lines with equal times.
 */
export interface LogCursor {
  /** `sinceTime` of the next connection; undefined: all there is. */
  since(): string | undefined;
  /** A connection begins. */
  open(): void;
  push(bytes: Uint8Array): readonly (LogChunk | LogGap)[];
  /** Whether what the connection brought joins what was there before it, and does not stop within a time. */
  readonly joined: boolean;
  /** The connection brought something that is not of the container, and nothing after it is used. */
  readonly foreign: boolean;
  /** The connection has brought nothing yet. */
  readonly empty: boolean;
  /** Whether the output ends inside of a line. */
  readonly withinLine: boolean;
  /** Raw offset of the next byte. */
  readonly position: number;
  /** Something is missing here, nobody knows how much. */
  lose(): LogGap;
}

/** Lines may come out of order by this much (two streams are written at once) and are still found. */
const MARGIN_SECONDS = 2;
const NEWLINE = 0x0a;

interface Anchor {
  readonly time: LineTime;
  /** Bytes since this line began. */
  bytes: number;
  /** Earliest second of it and the lines after it. */
  earliest: number;
}

type Mode = 'deliver' | 'search' | 'skip';

export function createLogCursor(options: LogCursorOptions): LogCursor {
  const { fromByte, isWhole } = options;
  let position = 0;
  let anchor: Anchor | undefined;
  let mode: Mode = 'deliver';
  let toSkip = 0;
  let lastByte = NEWLINE;
  let out: (LogChunk | LogGap)[] = [];
  /** Bytes that are being gathered; their first is at `gatheredFrom`. */
  let gathered = new Uint8Array(0);
  let filled = 0;
  let gatheredFrom = 0;
  let most = 0;
  let empty = true;

  const flush = (): void => {
    if (filled > 0) out.push({ fromByte: gatheredFrom, bytes: gathered.subarray(0, filled) });
    gathered = new Uint8Array(0);
    filled = 0;
  };

  const deliver = (bytes: Uint8Array, from: number, to: number): void => {
    const begin = from + Math.max(0, Math.min(to - from, fromByte - position));
    if (begin < to) {
      if (gathered.length === 0) {
        gathered = new Uint8Array(most);
        gatheredFrom = position + (begin - from);
      }
      gathered.set(bytes.subarray(begin, to), filled);
      filled += to - begin;
    }
    position += to - from;
    lastByte = bytes[to - 1] ?? NEWLINE;
    if (anchor !== undefined) anchor.bytes += to - from;
  };

  const lose = (): LogGap => {
    const start = Math.max(position, fromByte);
    position = start + 1;
    lastByte = NEWLINE;
    return { gap: true, fromByte: start, toByte: position };
  };

  const loseHere = (): void => {
    flush();
    out.push(lose());
  };

  const reach = (time: LineTime): void => {
    if (anchor === undefined || compareTimes(time, anchor.time) > 0) {
      anchor = { time, bytes: 0, earliest: time.seconds };
    } else {
      anchor.earliest = Math.min(anchor.earliest, time.seconds);
    }
  };

  const line = (time: LineTime): void => {
    const order = anchor === undefined ? undefined : compareTimes(time, anchor.time);
    if (order === undefined) {
      if (!isWhole(time)) loseHere();
    } else if (mode === 'search' && order === 0) {
      toSkip = anchor?.bytes ?? 0;
      mode = toSkip > 0 ? 'skip' : 'deliver';
    } else if (mode === 'search' && order > 0) {
      loseHere();
      mode = 'deliver';
    } else if (mode === 'skip' && order > 0) {
      // What is skipped is not later than the anchor: the rest of it was not given again.
      mode = 'deliver';
    }
    if (mode === 'deliver') reach(time);
  };

  const content = (bytes: Uint8Array, from: number, to: number): void => {
    if (mode === 'search') return;
    const skipped = mode === 'skip' ? Math.min(toSkip, to - from) : 0;
    toSkip -= skipped;
    if (mode === 'skip' && toSkip === 0) mode = 'deliver';
    if (from + skipped < to) deliver(bytes, from + skipped, to);
  };

  let splitter: LineSplitter = createLineSplitter({ line, content }, false);
  return {
    since: () => (anchor === undefined ? undefined : timeText(anchor.earliest - MARGIN_SECONDS)),
    open: () => {
      empty = true;
      mode = anchor === undefined ? 'deliver' : 'search';
      splitter = createLineSplitter({ line, content }, anchor !== undefined);
    },
    push: (bytes) => {
      out = [];
      empty &&= bytes.length === 0;
      most = bytes.length + LONGEST_TIME_BYTES;
      splitter.push(bytes);
      flush();
      return out;
    },
    get joined() {
      return mode === 'deliver' && !splitter.unfinished;
    },
    get foreign() {
      return splitter.foreign;
    },
    get empty() {
      return empty;
    },
    get withinLine() {
      return lastByte !== NEWLINE;
    },
    get position() {
      return position;
    },
    lose,
  };
}
