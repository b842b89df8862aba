import { Buffer } from 'node:buffer';

/**
 * What Argo's executor writes of its own into the output of `main`, seen with 3.7.4 (it stands between the runtime and the
 * program, and shares its standard error):
 *
 *     time="2026-01-01T12:00:00.000Z" level=info msg="sub-process exited" argo=true error="<nil>"
 *     Error: exit status 3
 *
 * The first line at every end (others with `argo=true` where outputs or logs are kept), the second after it when the exit
 * code is not 0. Standard output and standard error are collected apart, so either may come before the rest of an
 * unfinished last line of the program, or right behind it.
 *
 * A field's value can be read in one way only, with quotes or without: programs that log in the same format, and more
 * fields, would keep the expression busy for good.
 */
const OWN =
  /time="[^"\n]*" level=\w+ msg="(?:[^"\\\n]|\\.)*"(?: \w+=(?:"(?:[^"\\\n]|\\.)*"|(?!")\S*))*? argo=true(?: \w+=(?:"(?:[^"\\\n]|\\.)*"|(?!")\S*))*\r?\n?/y;
const EXIT = /Error: (?:exit status \d+|signal: [a-z ]+)\r?\n?/y;

const MARK = 'time="';
const NEWLINE = 10;
/** Longest line of the executor's own. A longer one is the program's. */
const LONGEST = 4_096;

/** Takes the executor's own lines out of a log. Bytes of the program come through as they are, and are not kept waiting. */
export interface NoiseFilter {
  push(bytes: Uint8Array): Uint8Array;
  /** What was held back, when nothing more comes. */
  end(): Uint8Array;
}

export function noiseFilter(): NoiseFilter {
  let held = Buffer.alloc(0);
  /** The executor has just said that the program exited. */
  let afterOwn = false;

  const sift = (isEnd: boolean): Buffer => {
    const out: Buffer[] = [];
    let at = 0;
    while (at < held.length) {
      const step = next(held, at, { afterOwn, isEnd });
      if (step.kind === 'wait') break;
      if (step.kind === 'own') afterOwn = true;
      else {
        out.push(held.subarray(at, step.to));
        afterOwn = false;
      }
      at = step.to;
    }
    held = held.subarray(at);
    return Buffer.concat(out);
  };

  return {
    push: (bytes) => {
      held = Buffer.concat([held, bytes]);
      return sift(false);
    },
    end: () => sift(true),
  };
}

type Step = { readonly kind: 'own' | 'program'; readonly to: number } | { readonly kind: 'wait' };

interface Where {
  readonly afterOwn: boolean;
  readonly isEnd: boolean;
}

/** What stands at this place of the text. */
function next(text: Buffer, at: number, { afterOwn, isEnd }: Where): Step {
  const mark = text.indexOf(MARK, at);
  // Most of a log is passed on in one piece.
  if (!afterOwn && mark !== at) return upTo(mark, text, at, isEnd);
  const newline = text.indexOf(NEWLINE, at);
  const line = text.subarray(at, newline < 0 ? text.length : newline + 1);
  const isWhole = newline >= 0 || isEnd || line.length > LONGEST;
  if (afterOwn) {
    const exit = matched(EXIT, line);
    if (exit > 0 && isWhole) return { kind: 'own', to: at + exit };
    if (!isWhole && isBeginning('Error: ', line)) return { kind: 'wait' };
    if (mark !== at) return upTo(mark, text, at, isEnd);
  }
  if (!isWhole) return { kind: 'wait' };
  const own = matched(OWN, line);
  if (own > 0) return { kind: 'own', to: at + own };
  // A line of the program that begins alike.
  const other = line.indexOf(MARK, 1);
  return { kind: 'program', to: other < 0 ? at + line.length : at + other };
}

/** All of the program before the next mark, or before what may become one. */
function upTo(mark: number, text: Buffer, at: number, isEnd: boolean): Step {
  if (mark >= 0) return { kind: 'program', to: mark };
  const to = text.length - (isEnd ? 0 : beginningAtEnd(text.subarray(at)));
  return to === at ? { kind: 'wait' } : { kind: 'program', to };
}

/** Length of what matches at the beginning of the line; each byte is one character, so that lengths are those of bytes. */
function matched(pattern: RegExp, line: Buffer): number {
  pattern.lastIndex = 0;
  return pattern.exec(line.subarray(0, LONGEST).toString('latin1'))?.[0].length ?? 0;
}

function isBeginning(of: string, line: Buffer): boolean {
  const length = Math.min(of.length, line.length);
  return line.subarray(0, length).toString('latin1') === of.slice(0, length);
}

/** How many bytes at the end may be the beginning of one of the executor's own. */
function beginningAtEnd(line: Buffer): number {
  for (let length = Math.min(MARK.length - 1, line.length); length > 0; length -= 1) {
    if (line.subarray(line.length - length).toString('latin1') === MARK.slice(0, length)) return length;
  }
  return 0;
}

/** The same for a stream. */
export async function* withoutNoise(log: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const filter = noiseFilter();
  for await (const bytes of log) {
    const own = filter.push(bytes);
    if (own.length > 0) yield own;
  }
  const rest = filter.end();
  if (rest.length > 0) yield rest;
}
