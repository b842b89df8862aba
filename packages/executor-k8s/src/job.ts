import type { RunSpec } from '@runner/executor';
import { workloadLabels } from '@runner/executor';
import type { ConfigDelivery, Job, PodTemplate } from '@runner/kube';
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

/** Added to the Job's own deadline, for a controller that is late and pods that take their time to go. */
const SLACK_SECONDS = 600;
/** Largest value of the API's 32-bit fields. */
const MAX_SECONDS = 2 ** 31 - 1;

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

/**
 * The Job's own deadline counts waiting time too, so it is only the backstop for when no agent is there: the time to start,
 * the time to run, and slack.
 */
function backstopSeconds(deadlineSeconds: number, startDeadlineSeconds: number): number {
  return wholeSeconds(startDeadlineSeconds + deadlineSeconds + SLACK_SECONDS, 1);
}

function wholeSeconds(seconds: number, least: number): number {
  if (!Number.isFinite(seconds)) return MAX_SECONDS;
  return Math.min(MAX_SECONDS, Math.max(least, Math.ceil(seconds)));
}
