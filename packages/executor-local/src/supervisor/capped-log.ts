import { Buffer } from 'node:buffer';
import type { LogExtent } from '../records.ts';
import { errorCode } from '../write-once.ts';
import { createTailRing } from './tail-ring.ts';

/** Where log bytes go: a write may take only some of them, and may fail. */
export interface LogSink {
  write(bytes: Uint8Array): number;
}

export interface CappedLog {
  /** Takes output of the program; never fails and never keeps more than the tail in memory. */
  take(bytes: Uint8Array): void;
  /** Writes the tail, if anything was left out, and says what is where. */
  finish(): LogExtent;
}

/** Bytes of the end of a log that was cut short which are kept all the same: the end says why a run failed. */
const TAIL_BYTES = 131_072;

/**
 * A log of at most `maxBytes`, then a line that says so, then the last bytes. Raw offsets stay true, because the marker
 * stands behind the kept bytes and is not counted. When the disk is full, what does not fit is left out the same way:
 * the run goes on.
 */
export function createCappedLog(sink: LogSink, maxBytes: number, tailBytes = TAIL_BYTES): CappedLog {
  let total = 0;
  let kept = 0;
  let position = 0;
  let failed: string | undefined;
  const tail = createTailRing(tailBytes);

  /** How many of these bytes the sink took. */
  const put = (bytes: Uint8Array): number => {
    let done = 0;
    try {
      while (done < bytes.length) {
        const written = sink.write(bytes.subarray(done));
        if (written <= 0) break;
        done += written;
      }
    } catch (error) {
      failed ??= errorCode(error) || 'EIO';
    }
    position += done;
    return done;
  };

  const isOpen = (): boolean => failed === undefined && kept === total;

  return {
    take: (bytes) => {
      const wasOpen = isOpen();
      const now = wasOpen ? bytes.subarray(0, maxBytes - kept) : bytes.subarray(0, 0);
      const done = put(now);
      kept += done;
      total += bytes.length;
      const rest = bytes.subarray(done);
      if (rest.length === 0) return;
      if (wasOpen && failed === undefined) put(Buffer.from(cappedMarker(maxBytes)));
      tail.add(rest);
    },
    finish: () => {
      if (kept === total) return { kept, total };
      const wanted = fromLineStart(tail.content(), total - kept);
      const fromByte = total - wanted.length;
      // The disk may have room again; a second failure changes nothing.
      put(Buffer.from(tailMarker(fromByte - kept)));
      const at = position;
      const isWhole = put(wanted) === wanted.length;
      return {
        kept,
        total,
        ...(isWhole ? { tail: { fromByte, at } } : {}),
        ...(failed === undefined ? {} : { failed }),
      };
    },
  };
}

/** The tail without the line it was cut in; all of it when nothing is missing before it, or it is one line. */
function fromLineStart(tail: Buffer, missing: number): Buffer {
  if (tail.length === missing) return tail;
  const newline = tail.indexOf(0x0a);
  return newline === -1 ? tail : tail.subarray(newline + 1);
}

function cappedMarker(maxBytes: number): string {
  return `\n[hybrid-ingestion-runner] The log reached its limit of ${maxBytes} bytes. What follows is left out; the end is added when the run has ended.\n`;
}

function tailMarker(missing: number): string {
  return `\n[hybrid-ingestion-runner] ${missing} bytes are missing here.\n`;
}
