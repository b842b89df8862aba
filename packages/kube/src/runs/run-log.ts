import type { LogChunk, LogGap, LogOptions } from '@runner/executor';
import { executorError } from '@runner/executor';
import { isAborted } from './aborted.ts';
import type { RunEyesParts } from './run-eyes.ts';
import { RunEyes } from './run-eyes.ts';
import type { RunSight, RunView } from './run-sight.ts';

/** One reading of a log, once there is something to read. */
export interface LogTurn<Sight extends RunSight> {
  readonly sight: Sight;
  readonly eyes: RunEyes<Sight>;
  /** False for what has ended: everything is there to be read. */
  readonly follow: boolean;
  readonly fromByte: number;
  readonly signal: AbortSignal;
}

export interface RunLogParts<Sight extends RunSight> extends RunEyesParts<Sight> {
  readonly view: RunView<Sight>;
  readonly closed: AbortSignal;
  /** Whether the program has begun. */
  readonly hasBegun: (sight: Sight) => boolean;
  /** Whether the program will write nothing more. */
  readonly isOver: (sight: Sight) => boolean;
  readonly read: (turn: LogTurn<Sight>) => AsyncIterable<LogChunk | LogGap>;
  readonly errorOf: (error: unknown) => unknown;
}

/**
 * The raw output of a run's main program. Following, it waits until the program has begun, and for a place among the logs
 * that are followed; who gets none before the run has ended reads it then.
 */
export async function* logOfRun<Sight extends RunSight>(
  parts: RunLogParts<Sight>,
  runId: string,
  options: LogOptions,
): AsyncGenerator<LogChunk | LogGap> {
  const signal = AbortSignal.any([options.signal, parts.closed]);
  if (signal.aborted) return;
  const eyes = new RunEyes(parts, runId);
  const leaving: (() => void)[] = [];
  try {
    const found = await toRead(parts, { eyes, follow: options.follow, leaving }, signal);
    if (found === undefined) return;
    yield* parts.read({ ...found, eyes, fromByte: options.fromByte, signal });
  } catch (error) {
    if (!isAborted(signal)) throw parts.errorOf(error);
  } finally {
    for (const leave of leaving) leave();
  }
}

interface Waiting<Sight extends RunSight> {
  readonly eyes: RunEyes<Sight>;
  readonly follow: boolean;
  readonly leaving: (() => void)[];
}

async function toRead<Sight extends RunSight>(
  parts: RunLogParts<Sight>,
  { eyes, follow, leaving }: Waiting<Sight>,
  signal: AbortSignal,
): Promise<{ readonly sight: Sight; readonly follow: boolean } | undefined> {
  const { view, hasBegun, isOver } = parts;
  if (follow) await eyes.shown(signal);
  let sight = await eyes.look(signal);
  const { presence } = view.judge(sight);
  if (presence === 'absent' || view.unprovenMs?.(sight) !== undefined) {
    throw executorError('log_unavailable', `There is no workload of run ${sight.runId}.`);
  }
  if (follow) sight = await eyes.until((now) => hasBegun(now) || isOver(now), sight, signal);
  if (follow && !isOver(sight)) {
    const leave = await eyes.place(isOver, sight, signal);
    if (leave === undefined) sight = await eyes.until(isOver, sight, signal);
    else leaving.push(leave);
  }
  return hasBegun(sight) ? { sight, follow: follow && !isOver(sight) } : undefined;
}
