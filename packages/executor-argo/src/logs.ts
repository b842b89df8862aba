import type { LogChunk, LogGap, LogOptions } from '@runner/executor';
import { MAIN_CONTAINER } from '@runner/executor';
import { readPodLog } from '@runner/kube';
import type { LogTurn } from '@runner/kube/runs';
import { beganAt, logOfRun } from '@runner/kube/runs';
import { workflowError } from './errors.ts';
import { logSource } from './log-source.ts';
import { noiseFilter } from './noise.ts';
import { hasProgramBegun } from './observation.ts';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { endPodOf, isMainOver, mainPodOf } from './sight.ts';
import { workflowView } from './watch.ts';

/** The output of a run's main program, without what Argo's executor writes into it. */
export function logsOfRun(parts: ArgoParts, runId: string, options: LogOptions): AsyncIterable<LogChunk | LogGap> {
  const { caches, following, timings, clock, logger, closed } = parts;
  return logOfRun<WorkflowSight>(
    {
      ...{ caches, following, timings, clock, logger, closed },
      view: workflowView(parts),
      hasBegun: hasProgramBegun,
      isOver: isMainOver,
      read: (turn) => read(parts, turn),
      errorOf: workflowError,
    },
    runId,
    options,
  );
}

async function* read(
  parts: ArgoParts,
  { sight, eyes, follow, fromByte, signal }: LogTurn<WorkflowSight>,
): AsyncGenerator<LogChunk | LogGap> {
  const { namespace, clock, random, logger } = parts;
  const source = logSource(parts, sight);
  if (source === undefined) return;
  const first = mainPodOf(sight)?.metadata?.uid;
  const ended = async (asking: AbortSignal): Promise<boolean> => {
    const now = await eyes.look(asking);
    return mainPodOf(now)?.metadata?.uid !== first || isMainOver(now);
  };
  const raw = readPodLog({
    ...{ namespace, pod: source.pod, container: MAIN_CONTAINER, follow, clock, random, logger, signal, ended },
    api: source.podLog(ended),
    // Counted without the executor's own lines, so all of them must be seen.
    fromByte: 0,
    startedAt: () => beganAt(endPodOf(sight)),
    changed: (waiting) => eyes.changed(waiting),
    ...(source.silenceMs === undefined ? {} : { silenceMs: source.silenceMs }),
  });
  yield* ownOutput(raw, fromByte);
}

/**
 * A log without the executor's own lines, from a byte on that is counted without them. A gap before that byte (the
 * beginning was rotated away) means that nobody knows where the rest belongs: it is told there, and all of the rest given.
 */
export async function* ownOutput(
  raw: AsyncIterable<LogChunk | LogGap>,
  fromByte: number,
): AsyncGenerator<LogChunk | LogGap> {
  const filter = noiseFilter();
  let at = 0;
  const piece = function* (bytes: Uint8Array): Generator<LogChunk> {
    const skipped = Math.max(0, Math.min(bytes.length, fromByte - at));
    const chunk = { fromByte: at + skipped, bytes: bytes.subarray(skipped) };
    at += bytes.length;
    if (chunk.bytes.length > 0) yield chunk;
  };
  for await (const one of raw) {
    if (!('gap' in one)) {
      yield* piece(filter.push(one.bytes));
      continue;
    }
    yield* piece(filter.end());
    const from = Math.max(at, fromByte);
    at = from + (one.toByte - one.fromByte);
    yield { fromByte: from, toByte: at, gap: true };
  }
  yield* piece(filter.end());
}
