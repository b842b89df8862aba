import type { Job, KubeEvent, Pod } from '../objects.ts';

/** What is known of a workload that waits or has ended, as the API gave it. */
export interface Evidence {
  readonly job?: Job;
  /** As it was seen last: of a pod that is gone, the last state that a watch showed. */
  readonly pod?: Pod;
  /** Events of the workload and of its pod, in any order. */
  readonly events?: readonly KubeEvent[];
  /**
   * Nodes with their labels and taints, where they may be listed (a right over the whole cluster). Newer
   * schedulers (seen with 1.34.4; kubernetes/kubernetes#134740) do not name the taint that keeps a pod away; without nodes
   * the hint says how to look it up.
   */
  readonly nodes?: readonly NodeTaints[];
  /** Names the settings in hints. */
  readonly context: DiagnosisContext;
}

export interface NodeTaints {
  readonly name: string;
  /** Tell whether the pod's node selector and affinity fit. Undefined when they are not known: then the node may fit. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
}

/** `spec.taints` of a Node. */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  /** `NoSchedule`, `PreferNoSchedule`, `NoExecute`. Undefined when it is not known. */
  readonly effect?: string;
}

export interface DiagnosisContext {
  /** Variable whose JSON places pods: `SIMPLEK8S_PIPELINE_TYPE_CONFIGS` or `ARGO_PIPELINE_TYPE_CONFIGS`. */
  readonly placementVariable: string;
  /** Key of that JSON for this run. */
  readonly pipelineType: string;
  readonly namespace: string;
}
