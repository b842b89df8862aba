import { redactText } from '@runner/core';
import type { Redact } from './safe-end.ts';
import { createLogShaper } from './shaper.ts';

/** Lines of an outcome's `logTail`. */
export const LOG_TAIL_LINES = 500;
/** Raw bytes worth reading for them. */
export const LOG_TAIL_BYTES = 65_536;
/** Characters of a tail at most: fits the wire's limit. */
const MAX_CHARACTERS = 98_304;

export interface LogTailOptions {
  /** True when the first byte begins the output or a line. Default false: the first line is left out. */
  readonly atLineStart?: boolean;
  readonly redact?: Redact;
}

/** The end of a finished program's output as text for its outcome: redacted, at most 500 lines. */
export function logTail(bytes: Uint8Array, options: LogTailOptions = {}): string {
  const { atLineStart = false, redact = redactText } = options;
  const shaper = createLogShaper({ startsInside: !atLineStart, redact });
  const frames = [...shaper.push({ fromByte: 0, bytes }), ...shaper.end()];
  const text = frames.map((frame) => ('data' in frame ? frame.data : '')).join('');
  const lines = text.split('\n');
  // A final newline ends the last line, it begins none.
  const wanted = LOG_TAIL_LINES + (text.endsWith('\n') ? 1 : 0);
  return shortened(lines.slice(-wanted).join('\n'));
}

function shortened(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  const tail = text.slice(-MAX_CHARACTERS);
  return tail.slice(tail.indexOf('\n') + 1);
}
