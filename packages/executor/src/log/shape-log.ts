import { redactText } from '@runner/core';
import type { LogOptions } from '../executor.ts';
import type { ReadLog } from './align.ts';
import { alignedStart } from './align.ts';
import type { Redact } from './safe-end.ts';
import type { LogFrame, LogGapFrame } from './shaper.ts';
import { createLogShaper } from './shaper.ts';

export interface ShapeLogOptions extends LogOptions {
  /** Removes credentials. Default `redactText` of core. */
  readonly redact?: Redact;
}

/**
 * The output of one run as safe frames. The first frame may begin before `fromByte` (at the start of its line or key)
 * or be a gap that begins there.
 *
 * Following, it goes on until the workload has ended and gives out the unfinished last line then. Not following, the
 * log may still grow, so an unfinished last line is kept back; of a run that has ended, follow.
 */
export async function* shapeLog(read: ReadLog, options: ShapeLogOptions): AsyncGenerator<LogFrame | LogGapFrame, void> {
  const { follow, signal, redact = redactText } = options;
  const start = await alignedStart(read, options.fromByte, redact, signal);
  const shaper = createLogShaper({ ...start, redact });
  for await (const piece of read({ fromByte: start.fromByte, follow, signal })) {
    yield* shaper.push(piece);
    yield* shaper.flush();
  }
  if (follow && !signal.aborted) yield* shaper.end();
}
