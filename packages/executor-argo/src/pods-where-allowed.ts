import type { Clock, Logger } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { KubeApi, KubeObject, ResourceType } from '@runner/kube';
import { PODS, kubeError } from '@runner/kube';

/** Where a watch begins that has nothing to watch. */
const UNSEEN = 'unseen';

/**
 * Beside an Argo Server, pods are a help and no need. Whoever holds its token may not look at them, or holds it for another
 * cluster than the one the agent is in: then there are none, as if the API server could not be reached at all. It is
 * tried again with each list, and when a watch of theirs would have ended, so that a right that is given later counts.
 */
export function podsWhereAllowed(kube: KubeApi, clock: Clock, logger: Logger): KubeApi {
  let told = false;
  const refused = (error: unknown): boolean => {
    if (!isRunnerError(error, 'kube_forbidden') && !isRunnerError(error, 'kube_unauthorized')) return false;
    if (!told)
      logger.warn('pods of Workflows cannot be seen with the token at hand: Argo alone tells of them', { error });
    told = true;
    return true;
  };
  const isPods = (type: ResourceType): boolean => type.plural === PODS.plural;
  const list: KubeApi['list'] = async (type, namespace, options) => {
    try {
      return await kube.list(type, namespace, options);
    } catch (error) {
      if (!isPods(type) || !refused(error)) throw error;
      return { items: [], resourceVersion: UNSEEN };
    }
  };
  const watch: KubeApi['watch'] = (type, namespace, options) => {
    if (!isPods(type) || options.resourceVersion !== UNSEEN) return kube.watch(type, namespace, options);
    return nothing(clock, options.timeoutSeconds, options.signal);
  };
  return { ...kube, list, watch };
}

/** Says nothing until its time is over, then that there must be a new list. */
async function* nothing<T extends KubeObject>(
  clock: Clock,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<{ type: 'BOOKMARK'; resourceVersion: string; object?: T }, void> {
  const stepMs = 30_000;
  for (let leftMs = seconds * 1_000; leftMs > 0; leftMs -= stepMs) {
    await clock.sleep(Math.min(stepMs, leftMs), signal);
    yield { type: 'BOOKMARK', resourceVersion: UNSEEN };
  }
  throw kubeError('kube_expired', 'pods could not be seen');
}
