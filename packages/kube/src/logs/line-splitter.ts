import { LONGEST_TIME_BYTES, readLineTime } from './line-time.ts';
import type { LineTime } from './line-time.ts';

/** Told what a stream consists of, in order. */
export interface LineSink {
  /** A line begins that was written at this time. */
  line(time: LineTime): void;
  /** Content: `bytes` from `from` to `to`. The newline is the last byte of its line. Not kept by the splitter. */
  content(bytes: Uint8Array, from: number, to: number): void;
}

/**
 * Takes the times out of a log that was asked for with timestamps. Works on whatever pieces the network makes, in one pass
 * and with a few bytes of memory.
 */
export interface LineSplitter {
  push(bytes: Uint8Array): void;
  /**
   * A line began without a time, so it is not of the container: kubelets write their own errors into a stream that has
   * begun. Everything from there on was left out.
   */
  readonly foreign: boolean;
  /** The stream stands within a time: had it ended here, it would have been cut. */
  readonly unfinished: boolean;
}

const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);

/**
 * @param startsInside whether the stream may begin with the rest of a line, which has no time: of a line that the runtime
 * stored in pieces, `sinceTime` may leave out the first
 */
export function createLineSplitter(sink: LineSink, startsInside: boolean): LineSplitter {
  let carried = NOTHING;
  let within = false;
  let restAllowed = startsInside;
  let foreign = false;

  /** Position after the time at `at`; undefined when it is not there to be read. */
  const beginLine = (bytes: Uint8Array, at: number): number | undefined => {
    const read = readLineTime(bytes, at);
    if (read === 'more') {
      carried = bytes.slice(at, at + LONGEST_TIME_BYTES);
      return undefined;
    }
    if (read === undefined && !restAllowed) {
      foreign = true;
      return undefined;
    }
    restAllowed = false;
    within = true;
    if (read === undefined) return at;
    sink.line(read.time);
    return read.end;
  };

  return {
    push: (piece) => {
      const bytes = carried.length === 0 ? piece : joined(carried, piece);
      carried = NOTHING;
      let at = 0;
      while (at < bytes.length && !foreign) {
        if (!within) {
          const begun = beginLine(bytes, at);
          if (begun === undefined) return;
          at = begun;
        }
        const newline = bytes.indexOf(NEWLINE, at);
        const end = newline === -1 ? bytes.length : newline + 1;
        if (end > at) sink.content(bytes, at, end);
        within = newline === -1;
        at = end;
      }
    },
    get foreign() {
      return foreign;
    },
    get unfinished() {
      return carried.length > 0;
    },
  };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
