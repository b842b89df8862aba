import type { DiagnosisContext, Evidence, Taint } from './evidence.ts';
import type { Obstacle, SchedulerReason } from './scheduler-message.ts';
import { isOutOfReach, taintHint, unknownTaintHint, untoleratedTaints } from './taints.ts';

export const DESCRIBE = 'See kubectl describe pod.';

/** Resources that nodes have too little of. */
export const resourcesOf = (all: readonly SchedulerReason[]): readonly string[] => [
  ...new Set(all.flatMap(({ obstacle }) => (obstacle.kind === 'resource' ? [obstacle.resource] : []))),
];

/** What to do about an obstacle; `all` are those of the same pod, so that resources are told together. */
export function obstacleHint(obstacle: Obstacle, all: readonly SchedulerReason[], evidence: Evidence): string {
  const { placementVariable, pipelineType } = evidence.context;
  const entry = `the entry ${pipelineType} of ${placementVariable}`;
  switch (obstacle.kind) {
    case 'resource':
      return hintOnResources(resourcesOf(all), entry, evidence.context);
    case 'too_many_pods':
      return 'Add a node, or wait until other pods end.';
    case 'taint':
      return isOutOfReach(obstacle.taint, evidence)
        ? `To tolerate the taint would not help: compare ${comparison(entry)}.`
        : hintOnTaint(obstacle.taint, evidence);
    case 'cordoned':
      return 'Cordoned nodes take pods again after kubectl uncordon.';
    case 'node_affinity':
      return `Compare ${comparison(entry)}.`;
    case 'pod_affinity':
    case 'spread':
      return `Check podAffinity and podAntiAffinity in ${entry}.`;
    case 'volume':
      return 'Check the PersistentVolumeClaims of the pod: kubectl get pvc, kubectl describe pvc.';
    case 'other':
      return DESCRIBE;
  }
}

const comparison = (entry: string): string =>
  `nodeSelector and affinity in ${entry} with the labels of the nodes (kubectl get nodes --show-labels)`;

function hintOnTaint(taint: Taint | undefined, { pod, nodes, context }: Evidence): string {
  const known = untoleratedTaints(pod, nodes ?? []);
  if (known.length > 0) return taintHint(known, context);
  return taint === undefined ? unknownTaintHint(context) : taintHint([[taint]], context);
}

function hintOnResources(resources: readonly string[], entry: string, { pipelineType }: DiagnosisContext): string {
  const family = pipelineType === 'automation' ? 'INGESTION_AUTOMATION_WORKFLOW' : 'INGESTION';
  const variables = resources
    .filter((resource) => resource === 'cpu' || resource === 'memory')
    .map((resource) => ` or ${family}_${resource.toUpperCase()}_REQUEST`);
  return `Add a node with enough ${resources.join(' and ')}, wait until others end, or lower resources.requests in ${entry}${variables.join('')}.`;
}
