import { isRunnerError } from '@runner/core';
import { PODS } from '../objects.ts';
import { objectPath, withQuery } from './addresses.ts';
import type { Caller } from './caller.ts';
import type { PodLogOptions } from './kube-api.ts';

/** Opens a log, or says that there is none yet or any more. */
export async function openPodLog(
  caller: Caller,
  namespace: string,
  pod: string,
  options: PodLogOptions,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { container, follow, sinceTime, tailLines, limitBytes, timestamps, signal } = options;
  const path = withQuery(`${objectPath(PODS, namespace, pod)}/log`, {
    container,
    follow: follow === true ? true : undefined,
    sinceTime,
    tailLines,
    limitBytes,
    timestamps: timestamps === true ? true : undefined,
  });
  const about = { verb: 'get', group: '', resource: 'pods/log', namespace, name: pod };
  try {
    return await caller.open({ about, method: 'GET', path }, signal, { repeat: true });
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** The API's own words for a container that has not begun: `container "main" in pod "x" is waiting to start: …`. */
const NOT_BEGUN = / is (?:waiting to start|not available|terminated)\b|ContainerCreating|PodInitializing/;

function isNotThere(error: unknown): boolean {
  // The kubelet's own 404 has no name in it: its container is gone.
  if (isRunnerError(error, 'kube_not_found')) return true;
  return isRunnerError(error, 'kube_invalid') && error.details.status === 400 && NOT_BEGUN.test(error.message);
}
