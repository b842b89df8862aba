import { readLogTail } from '@runner/kube/runs';
import { logSource } from './log-source.ts';
import { withoutNoise } from './noise.ts';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { isMainOver } from './sight.ts';

/** The redacted end of an ended program's output; undefined when there is none to be had. */
export async function readTail(
  parts: ArgoParts,
  sight: WorkflowSight,
  signal: AbortSignal,
): Promise<string | undefined> {
  const source = logSource(parts, sight);
  if (source === undefined || !isMainOver(sight)) return undefined;
  const { namespace, logger } = parts;
  const api = source.podLog(() => Promise.resolve(true));
  return await readLogTail({ api, namespace, logger, own: withoutNoise }, source.pod, signal);
}
