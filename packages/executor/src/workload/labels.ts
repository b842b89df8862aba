import type { RunSpec, WorkloadOwner } from '../run-spec.ts';
import { workloadKind } from './command.ts';
import { labelValue, sanitizedName } from './names.ts';

/** Label by which workload and pods of a run are found; the stock exit handler and log look-ups use it. */
export const RUN_ID_LABEL = 'app.kubernetes.io/run-id';
/** Labels by which an agent recognises what is its own. */
export const CONTROL_PLANE_LABEL = 'hybrid-ingestion-runner/control-plane';
export const AGENT_LABEL = 'hybrid-ingestion-runner/agent';

const COMPONENT = { pipeline: 'ingestion', automation: 'automation', application: 'application' } as const;

/** Labels of a workload and of its pods: OpenMetadata's own, and the owner's. */
export function workloadLabels(spec: RunSpec): Readonly<Record<string, string>> {
  const kind = workloadKind(spec);
  return {
    'app.kubernetes.io/name': 'openmetadata',
    'app.kubernetes.io/component': COMPONENT[kind],
    'app.kubernetes.io/managed-by': 'openmetadata',
    'app.kubernetes.io/pipeline': sanitizedName(spec.name),
    'app.kubernetes.io/pipeline-type': labelValue(spec.pipelineType.toLowerCase()),
    [RUN_ID_LABEL]: labelValue(spec.runId),
    ...(kind === 'application' ? { 'app.kubernetes.io/app-name': sanitizedName(spec.name) } : {}),
    ...ownerLabels(spec.owner),
  };
}

/** The labels that say whose a workload is: the selector of every list. */
export function ownerLabels(owner: WorkloadOwner): Readonly<Record<string, string>> {
  return {
    [CONTROL_PLANE_LABEL]: labelValue(owner.controlPlaneId),
    [AGENT_LABEL]: labelValue(owner.agentId),
  };
}
