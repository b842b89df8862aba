import type { Job, KubeEvent, Pod } from '../objects.ts';

/** What is known of a workload that waits or has ended, as the API gave it. */
export interface Evidence {
  readonly job?: Job;
  readonly pod?: Pod;
  /** Events of the workload and of its pod, in any order. */
  readonly events?: readonly KubeEvent[];
  /** Names the settings in hints. */
  readonly context: DiagnosisContext;
}

export interface DiagnosisContext {
  /** Variable whose JSON places pods: `SIMPLEK8S_PIPELINE_TYPE_CONFIGS` or `ARGO_PIPELINE_TYPE_CONFIGS`. */
  readonly placementVariable: string;
  /** Key of that JSON for this run. */
  readonly pipelineType: string;
  readonly namespace: string;
}
