import type { Diagnosis } from '@runner/executor';
import type { KubeEvent, Pod, PodCondition } from '../objects.ts';
import { latestEvent, withReason } from './events.ts';
import { mainStatus } from './main-container.ts';

const AGAIN = 'Start the run again.';

const PREEMPTED: Diagnosis = {
  category: 'evicted',
  code: 'preempted',
  message: 'The pod was stopped to make room for one with a higher priority.',
  hint: `${AGAIN} A higher priorityClassName protects runs from this.`,
  permanent: true,
};
const DRAINED: Diagnosis = {
  category: 'evicted',
  code: 'evicted_by_request',
  message: 'The pod was evicted through the API, as when a node is drained or an autoscaler takes one away.',
  hint: `${AGAIN} Keep autoscalers off with the annotation cluster-autoscaler.kubernetes.io/safe-to-evict: "false" (karpenter.sh/do-not-disrupt: "true") on the pods.`,
  permanent: true,
};
const TAINTED: Diagnosis = {
  category: 'evicted',
  code: 'evicted_by_taint',
  message: 'The pod was removed from its node because of a NoExecute taint that it does not tolerate.',
  hint: `${AGAIN} The node was tainted while the run was going on: by an administrator, or because it stopped answering.`,
  permanent: true,
};

const nodeLost = (pod: Pod | undefined): Diagnosis => ({
  category: 'node_lost',
  code: 'node_lost',
  message: `The node ${pod?.spec?.nodeName ?? 'of the pod'} was lost while the run was going on.`,
  hint: AGAIN,
  permanent: true,
});

/** The condition by which Kubernetes says that something outside the run ended the pod. */
export const disruptionOf = (pod: Pod | undefined): PodCondition | undefined =>
  pod?.status?.conditions?.find((one) => one.type === 'DisruptionTarget' && one.status === 'True');

/** Who asked a pod to go, from its condition `DisruptionTarget` (Kubernetes 1.26 and newer). */
export function endByDisruption(pod: Pod | undefined): Diagnosis | undefined {
  switch (disruptionOf(pod)?.reason) {
    case 'PreemptionByScheduler':
    case 'PreemptionByKubeScheduler':
      return PREEMPTED;
    case 'EvictionByEvictionAPI':
      return DRAINED;
    case 'DeletionByTaintManager':
      // A node that does not answer is tainted as well; then nobody reports the end of the container.
      return mainStatus(pod)?.state?.running === undefined ? TAINTED : nodeLost(pod);
    case 'DeletionByPodGC':
      return nodeLost(pod);
    default:
      return undefined;
  }
}

/** The same from events, for when the pod was not seen in its last moments. */
export function endByEvents(events: readonly KubeEvent[]): Diagnosis | undefined {
  const event = latestEvent(
    events,
    withReason('Preempted', 'TaintManagerEviction', 'NodeControllerEviction', 'NodeNotReady'),
  );
  switch (event?.reason) {
    case 'Preempted':
      return PREEMPTED;
    case 'TaintManagerEviction':
      return TAINTED;
    case 'NodeControllerEviction':
    case 'NodeNotReady':
      return nodeLost(undefined);
    default:
      return undefined;
  }
}
