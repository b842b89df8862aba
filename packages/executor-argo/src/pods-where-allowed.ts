import type { Clock, Logger } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { KubeApi, KubeErrorCode, ResourceType } from '@runner/kube';
import { PODS, kubeError } from '@runner/kube';

/** Where a watch begins that has nothing to watch. */
const UNSEEN = 'unseen';
/** Between two tries to reach an API server that has never been reached. */
const AGAIN_MS = 60_000;

/**
 * Beside an Argo Server, pods are a help and no need. Whoever holds its token may not look at them, or holds it for another
 * cluster than the one the agent is in, or may not reach the API server at all: then there are none. It is tried again with
 * each list, and when a watch of theirs would have ended, so that a right that is given later counts. An API server that
 * has shown them once is waited for.
 */
export function podsWhereAllowed(kube: KubeApi, clock: Clock, logger: Logger): KubeApi {
  let told = false;
  let isKnown = false;
  let awayUntil = 0;
  const unseen = (error: unknown): boolean => {
    const isAway = !isKnown && isRunnerError(error) && AWAY.has(error.code);
    if (!isAway && !(isRunnerError(error) && REFUSED.has(error.code))) return false;
    if (isAway) awayUntil = clock.monotonic() + AGAIN_MS;
    if (!told)
      logger.warn('pods of Workflows cannot be seen with the token at hand: Argo alone tells of them', { error });
    told = true;
    return true;
  };
  const isPods = (type: ResourceType): boolean => type.plural === PODS.plural;
  const list: KubeApi['list'] = async (type, namespace, options) => {
    if (!isPods(type)) return await kube.list(type, namespace, options);
    if (clock.monotonic() < awayUntil) return { items: [], resourceVersion: UNSEEN };
    try {
      const found = await kube.list(type, namespace, options);
      isKnown = true;
      return found;
    } catch (error) {
      if (options.signal.aborted || !unseen(error)) throw error;
      return { items: [], resourceVersion: UNSEEN };
    }
  };
  const watch: KubeApi['watch'] = (type, namespace, options) => {
    if (!isPods(type) || options.resourceVersion !== UNSEEN) return kube.watch(type, namespace, options);
    return nothing(clock, options.timeoutSeconds, options.signal);
  };
  return { ...kube, list, watch };
}

const REFUSED: ReadonlySet<string> = new Set<KubeErrorCode>(['kube_forbidden', 'kube_unauthorized']);
const AWAY: ReadonlySet<string> = new Set<KubeErrorCode>(['kube_unreachable', 'kube_timeout', 'kube_protocol']);

/** Says nothing until its time is over, then that there must be a new list. */
async function* nothing(
  clock: Clock,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<{ type: 'BOOKMARK'; resourceVersion: string }, void> {
  const stepMs = 30_000;
  for (let leftMs = seconds * 1_000; leftMs > 0; leftMs -= stepMs) {
    await clock.sleep(Math.min(stepMs, leftMs), signal);
    yield { type: 'BOOKMARK', resourceVersion: UNSEEN };
  }
  throw kubeError('kube_expired', 'pods could not be seen');
}
