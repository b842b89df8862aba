import type { Pod } from '../objects.ts';
import type { DiagnosisContext, Evidence, NodeTaints, Taint } from './evidence.ts';
import { mayBeSelected } from './node-selection.ts';
import { placementJson } from './placement-hint.ts';

type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];

/** Lists the taints of all nodes; the pages that users were given name the same command. */
const LIST_TAINTS = 'kubectl get nodes -o=custom-columns=NAME:.metadata.name,TAINTS:.spec.taints';

/** Set by Kubernetes and autoscalers while a node is not fit: to tolerate them would put runs on broken or leaving nodes. */
const CONDITION =
  /^(node\.kubernetes\.io|node\.cloudprovider\.kubernetes\.io|karpenter\.sh)\/|(?:By|Of)ClusterAutoscaler$/;
const CONTROL_PLANE = /^node-role\.kubernetes\.io\/(control-plane|master)$/;

export const isConditionTaint = (taint: Taint): boolean => CONDITION.test(taint.key);

/** True for taints that somebody set to reserve nodes. */
export const isReservingTaint = (taint: Taint): boolean => !isConditionTaint(taint) && !CONTROL_PLANE.test(taint.key);

/** `dedicated=gpu:NoSchedule`, as kubectl writes it. */
export const taintText = ({ key, value, effect }: Taint): string =>
  `${key}${value === undefined || value === '' ? '' : `=${value}`}${effect === undefined ? '' : `:${effect}`}`;

/**
 * Taints that keep the pod away, node by node. Nodes that it may use are left out, and those that its node selector or
 * affinity excludes: to tolerate their taints would not bring it there.
 */
export function untoleratedTaints(pod: Pod | undefined, nodes: readonly NodeTaints[]): readonly (readonly Taint[])[] {
  return nodes
    .filter((node) => mayBeSelected(pod?.spec, node))
    .map((node) => repelling(pod, node))
    .filter((taints) => taints.length > 0);
}

/**
 * True when the nodes with a taint (undefined: one that the scheduler does not name) are known, and the pod's node selector
 * or affinity excludes them all. The scheduler asks about taints first, so it does not say that.
 */
export function isOutOfReach(taint: Taint | undefined, { pod, nodes = [] }: Evidence): boolean {
  const tainted = nodes.filter((node) => repelling(pod, node).some((one) => taint === undefined || isSame(one, taint)));
  return tainted.length > 0 && !tainted.some((node) => mayBeSelected(pod?.spec, node));
}

const isSame = (one: Taint, other: Taint): boolean =>
  one.key === other.key && (one.value ?? '') === (other.value ?? '');

function repelling(pod: Pod | undefined, { taints = [] }: NodeTaints): readonly Taint[] {
  const tolerations = pod?.spec?.tolerations ?? [];
  return taints.filter(
    (taint) => taint.effect !== 'PreferNoSchedule' && !tolerations.some((one) => tolerates(one, taint)),
  );
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key === '') return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''));
}

/** What to do about taints that are known; each inner list is what one node has, one node being enough. */
export function taintHint(byNode: readonly (readonly Taint[])[], context: DiagnosisContext): string {
  const best = easiest(byNode);
  if (best === undefined) {
    return byNode.some((taints) => taints.some((taint) => CONTROL_PLANE.test(taint.key)))
      ? `Add a worker node: nodes of the control plane are not meant for runs.`
      : 'The nodes are not ready, full, cordoned or going away: see kubectl get nodes and kubectl describe node.';
  }
  const tolerations = best.map((taint) => ({
    key: taint.key,
    // The taint's value is matched exactly, so that the runs do not follow other uses of the key.
    operator: 'Equal',
    value: taint.value ?? '',
    ...(taint.effect === undefined ? {} : { effect: taint.effect }),
  }));
  const json = placementJson(context, { tolerations });
  return `If these runs may use the tainted nodes, put ${json} into ${context.placementVariable} (a toleration without an effect stands for every effect); otherwise add nodes without the taint.`;
}

/** The hint for when the cluster does not say which taint it was. */
export function unknownTaintHint(context: DiagnosisContext): string {
  const json = placementJson(context, {
    tolerations: [{ key: '<key>', operator: 'Equal', value: '<value>', effect: 'NoSchedule' }],
  });
  return `Look the taints up with: ${LIST_TAINTS}. If these runs may use the tainted nodes, put ${json}, with key, value and effect of the taint, into ${context.placementVariable}.`;
}

/** The node with the fewest taints to tolerate, of those that have only reserving ones. */
function easiest(byNode: readonly (readonly Taint[])[]): readonly Taint[] | undefined {
  const usable = byNode.filter((taints) => taints.every((taint) => isReservingTaint(taint)));
  return usable.toSorted((a, b) => a.length - b.length)[0];
}
