import type { Diagnosis } from '@runner/executor';
import type { KubeEvent, Pod } from '../objects.ts';
import { clusterText, sentence } from './cluster-text.ts';
import { latestEvent, withReason } from './events.ts';
import type { Evidence, Taint } from './evidence.ts';
import { mainContainer } from './main-container.ts';
import { DESCRIBE, obstacleHint, resourcesOf } from './obstacle-hint.ts';
import type { Obstacle, SchedulerMessage, SchedulerReason } from './scheduler-message.ts';
import { parseSchedulerMessage } from './scheduler-message.ts';
import { isConditionTaint, isOutOfReach, isReservingTaint, taintText, untoleratedTaints } from './taints.ts';

/**
 * Why no node takes the pod. Never permanent: an autoscaler may add a node and people take taints away, so the start
 * deadline ends the run, not the diagnosis. Of several obstacles the decisive one gives the code: what the nodes lack
 * that would take the pod otherwise.
 */
export function unschedulable(message: string, evidence: Evidence): Diagnosis {
  const parsed = parseSchedulerMessage(message);
  const grown = autoscalerNote(evidence.events ?? []);
  if (parsed.nodes === 0) {
    return scheduling('no_nodes', `The cluster has no node.${grown}`, 'Add a node to the cluster.');
  }
  const reasons = sorted(parsed.reasons, evidence);
  const decisive = reasons[0];
  if (decisive === undefined) {
    return scheduling(
      'unschedulable',
      `${sentence('The scheduler finds no node for the pod', message)}${grown}`,
      DESCRIBE,
    );
  }
  const told = reasons.map((reason) => words(reason, parsed, evidence)).join('; ');
  const hints = new Set(reasons.map(({ obstacle }) => obstacleHint(obstacle, reasons, evidence)));
  return scheduling(
    codeOf(decisive.obstacle, reasons, evidence),
    `No node takes the pod: ${told}.${grown}`,
    [...hints].slice(0, MAX_HINTS).join(' '),
  );
}

/** The decisive obstacle, and what else may matter. */
const MAX_HINTS = 3;

const scheduling = (code: string, message: string, hint: string): Diagnosis => ({
  category: 'scheduling',
  code,
  message,
  hint,
  permanent: false,
});

/** How close a node came: the scheduler asks about taints first, volumes and other pods last. */
const CLOSENESS: Readonly<Record<Obstacle['kind'], number>> = {
  volume: 8,
  pod_affinity: 7,
  spread: 6,
  too_many_pods: 5,
  resource: 5,
  taint: 4,
  // Below taints although it is asked later: who reserves nodes by a taint also selects them, and every other node then
  // says that it does not match.
  node_affinity: 3,
  other: 2,
  cordoned: 1,
};

function sorted(reasons: readonly SchedulerReason[], evidence: Evidence): readonly SchedulerReason[] {
  const rank = ({ obstacle }: SchedulerReason): number =>
    // A taint that nobody should tolerate decides nothing as long as there is something else to say.
    obstacle.kind === 'taint' && !reserving(obstacle.taint, evidence) ? CLOSENESS.cordoned : CLOSENESS[obstacle.kind];
  return reasons.toSorted((a, b) => rank(b) - rank(a));
}

/** Whether a taint may be one that is meant to reserve nodes which the pod selects; a taint that nobody names may be. */
function reserving(taint: Taint | undefined, evidence: Evidence): boolean {
  if (isOutOfReach(taint, evidence)) return false;
  if (taint !== undefined) return isReservingTaint(taint);
  const known = untoleratedTaints(evidence.pod, evidence.nodes ?? []);
  return known.length === 0 || known.some((taints) => taints.some((one) => isReservingTaint(one)));
}

/** Whether every taint that is known says that a node is not fit just now. */
function onlyConditions(taint: Taint | undefined, evidence: Evidence): boolean {
  if (taint !== undefined) return isConditionTaint(taint);
  const known = untoleratedTaints(evidence.pod, evidence.nodes ?? []);
  return known.length > 0 && known.flat().every((one) => isConditionTaint(one));
}

function codeOf(obstacle: Obstacle, all: readonly SchedulerReason[], evidence: Evidence): string {
  switch (obstacle.kind) {
    case 'resource': {
      const names = new Set(resourcesOf(all));
      return names.size === 1 && (names.has('cpu') || names.has('memory'))
        ? `insufficient_${obstacle.resource}`
        : 'insufficient_resources';
    }
    case 'taint':
      if (isOutOfReach(obstacle.taint, evidence)) return 'no_matching_node';
      return onlyConditions(obstacle.taint, evidence) ? 'node_unavailable' : 'untolerated_taint';
    case 'cordoned':
      return 'node_unavailable';
    case 'node_affinity':
      return 'no_matching_node';
    case 'pod_affinity':
    case 'spread':
      return 'pod_affinity_unmet';
    case 'volume':
      return 'volume_unbound';
    case 'too_many_pods':
      return 'too_many_pods';
    case 'other':
      return 'unschedulable';
  }
}

function words({ nodes, obstacle }: SchedulerReason, message: SchedulerMessage, evidence: Evidence): string {
  const which =
    nodes === undefined ? '' : `${nodes} of ${message.nodes ?? '?'} ${message.nodes === 1 ? 'node' : 'nodes'} `;
  const has = nodes === 1 ? 'has' : 'have';
  switch (obstacle.kind) {
    case 'resource':
      return `${which}${has} too little ${obstacle.resource} left${requested(obstacle.resource, evidence.pod)}`;
    case 'too_many_pods':
      return `${which}${has} no room for another pod`;
    case 'taint':
      return `${which}${has} ${taintWords(obstacle.taint, evidence)}${excluded(nodes, obstacle.taint, evidence)}`;
    case 'cordoned':
      return `${which}${nodes === 1 ? 'is' : 'are'} cordoned`;
    case 'node_affinity':
      return `${which}${notMatching(nodes, evidence.pod)}`;
    case 'pod_affinity':
      return `${which}${nodes === 1 ? 'does' : 'do'} not satisfy the rules about other pods`;
    case 'spread':
      return `${which}would break the topology spread constraints`;
    case 'volume':
    case 'other':
      return `${which}${clusterText(obstacle.text)}`;
  }
}

function taintWords(taint: Taint | undefined, evidence: Evidence): string {
  if (taint !== undefined) return `the taint ${taintText(taint)}, which the pod does not tolerate`;
  const known = new Set(
    untoleratedTaints(evidence.pod, evidence.nodes ?? [])
      .flat()
      .map((one) => taintText(one)),
  );
  if (known.size === 0) return 'a taint that the pod does not tolerate';
  const listed = [...known].slice(0, 5).join(', ');
  return `a taint that the pod does not tolerate (${listed})`;
}

/** What the scheduler leaves out, as it asks about taints first. */
const excluded = (nodes: number | undefined, taint: Taint | undefined, evidence: Evidence): string =>
  isOutOfReach(taint, evidence) ? `, and ${notMatching(nodes, evidence.pod)}` : '';

const notMatching = (nodes: number | undefined, pod: Pod | undefined): string =>
  `${nodes === 1 ? 'does' : 'do'} not match the node selector or node affinity${selected(pod)}`;

function requested(resource: string, pod: Pod | undefined): string {
  const amount = mainContainer(pod)?.resources?.requests?.[resource];
  return amount === undefined ? '' : ` (the pod asks for ${amount})`;
}

function selected(pod: Pod | undefined): string {
  const pairs = Object.entries(pod?.spec?.nodeSelector ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '' : ` (${pairs.slice(0, 5).join(', ')})`;
}

/** What the cluster autoscaler says about the pod, if there is one. */
function autoscalerNote(events: readonly KubeEvent[]): string {
  const event = latestEvent(events, withReason('TriggeredScaleUp', 'NotTriggerScaleUp'));
  if (event === undefined) return '';
  if (event.reason === 'TriggeredScaleUp') return ' The cluster autoscaler is adding a node.';
  return ` ${sentence('The cluster autoscaler adds none', (event.message ?? '').replace(/^pod didn't trigger scale-up:\s*/, ''))}`;
}
