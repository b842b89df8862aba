import type { LogChunk, LogGap, LogOptions } from '@runner/executor';
import { MAIN_CONTAINER } from '@runner/executor';
import { readPodLog } from '@runner/kube';
import type { LogTurn } from '@runner/kube/runs';
import { beganAt, hasBegun, isLivePod, logOfRun, mainStatus } from '@runner/kube/runs';
import { jobError } from './errors.ts';
import type { K8sParts } from './parts.ts';
import type { JobSight } from './sight.ts';
import { endCondition, podOf } from './sight.ts';
import { jobView } from './watch.ts';

/** The raw output of a run's main program. */
export function logsOfRun(parts: K8sParts, runId: string, options: LogOptions): AsyncIterable<LogChunk | LogGap> {
  const { caches, following, timings, clock, logger, closed } = parts;
  return logOfRun<JobSight>(
    {
      ...{ caches, following, timings, clock, logger, closed },
      view: jobView(parts),
      hasBegun: (sight) => hasBegun(podOf(sight)),
      isOver,
      read: (turn) => read(parts, turn),
      errorOf: jobError,
    },
    runId,
    options,
  );
}

async function* read(
  { api, namespace, clock, random, logger }: K8sParts,
  { sight, eyes, follow, fromByte, signal }: LogTurn<JobSight>,
): AsyncGenerator<LogChunk | LogGap> {
  const pod = podOf(sight);
  const name = pod?.metadata?.name;
  if (name === undefined) return;
  yield* readPodLog({
    ...{ api, namespace, pod: name, container: MAIN_CONTAINER, fromByte, follow, clock, random, logger, signal },
    ended: async (asking) => {
      const now = await eyes.look(asking);
      return podOf(now)?.metadata?.name !== name || isOver(now);
    },
    startedAt: () => beganAt(pod),
    changed: (waiting) => eyes.changed(waiting),
  });
}

/** True when nothing more will be written. */
function isOver(sight: JobSight): boolean {
  const pod = podOf(sight);
  if (mainStatus(pod)?.state?.terminated !== undefined) return true;
  if (pod !== undefined) return !isLivePod(pod);
  return sight.job === undefined || endCondition(sight.job) !== undefined;
}
