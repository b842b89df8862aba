import type { RunSpec } from '@runner/executor';
import { workloadLabels } from '@runner/executor';
import type { ConfigDelivery, Job, PodTemplate } from '@runner/kube';
import { backstopSeconds, wholeSeconds } from '@runner/kube';
import { ANNOTATIONS, runAnnotations } from '@runner/kube/runs';

interface JobInput {
  readonly spec: RunSpec;
  /** `workloadName(spec)`. */
  readonly name: string;
  readonly namespace: string;
  readonly template: PodTemplate;
  readonly delivery: ConfigDelivery;
  readonly ttlSeconds: number;
  readonly startDeadlineSeconds: number;
  /** Names this very attempt to create it. */
  readonly submission: string;
}

/** The Job of a run. Uses no field that is newer than Kubernetes 1.28. */
export function buildJob(input: JobInput): Job {
  const { spec, name, namespace, template, delivery } = input;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace,
      // With those of the settings: queues for Jobs look for theirs on the Job, not on the pod.
      labels: { ...template.metadata?.labels, ...workloadLabels(spec) },
      annotations: runAnnotations(spec, delivery, input.submission),
    },
    spec: {
      // A second pod would run the whole pipeline again under the same run id.
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      activeDeadlineSeconds: backstopSeconds(spec.deadlineSeconds, input.startDeadlineSeconds),
      ttlSecondsAfterFinished: wholeSeconds(input.ttlSeconds, 0),
      template: {
        ...template,
        metadata: {
          ...template.metadata,
          // The pod may outlast its Job (deleted by hand, pods kept), and the label has lost the spelling.
          annotations: {
            ...template.metadata?.annotations,
            [ANNOTATIONS.runId]: spec.runId,
            [ANNOTATIONS.pipelineType]: spec.pipelineType,
          },
        },
      },
    },
  };
}
