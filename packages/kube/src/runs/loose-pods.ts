import type { KubeApi } from '../api/kube-api.ts';
import type { Pod } from '../objects.ts';
import { PODS } from '../objects.ts';
import { isLeaving, isLivePod } from './pod-facts.ts';

/** Pods that were kept when their object was deleted have nothing else to be ended by than being deleted. */
export async function endLivePods(
  { api, namespace }: { readonly api: Pick<KubeApi, 'delete'>; readonly namespace: string },
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata } of pods.filter((pod) => isLivePod(pod) && !isLeaving(pod))) {
    const { name, uid } = metadata ?? {};
    if (name === undefined || uid === undefined) continue;
    await api.delete(PODS, namespace, name, { uid, propagation: 'Background', signal });
  }
}
