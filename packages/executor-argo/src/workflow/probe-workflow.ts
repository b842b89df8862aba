import type { Probe } from '@runner/executor';
import { executorError } from '@runner/executor';
import type { PodSettings } from '@runner/kube';
import type { ProbeRun } from '@runner/kube/runs';
import { ANNOTATIONS, PROBE_TTL_SECONDS, probeContainer, probeLabels } from '@runner/kube/runs';
import type { WorkflowOverrides } from '../options.ts';
import { POD_TYPE_LABEL, buildWorkflow } from './build-workflow.ts';
import type { Workflow, WorkflowSpec, WorkflowTemplate } from './objects.ts';
import { carryCommand, refuseTemplates } from './template-safety.ts';

export interface ProbeWorkflowInput {
  readonly probe: Probe;
  readonly run: ProbeRun;
  readonly namespace: string;
  readonly pods: PodSettings;
  readonly overrides?: WorkflowOverrides;
  /** Whether Argo is to take the answer over into the status of the Workflow. */
  readonly argoReads: boolean;
}

/** Output parameter that holds the answer. */
export const PROBE_ANSWER = 'answer';
/** The kubelet mounts it, writable for any user and beside a root file system that is not. */
const TERMINATION_MESSAGE = '/dev/termination-log';

/**
 * The Workflow of a probe: that of a test connection with another program, and without anything by which runs are found.
 * It ends and goes by itself when nobody is there to remove it. Pure.
 * @throws invalid_spec, template_in_value
 */
export function buildProbeWorkflow(input: ProbeWorkflowInput): Workflow {
  const { run, namespace, pods, overrides } = input;
  const { metadata, spec, ...workflow } = buildWorkflow({
    ...{ spec: run.spec, name: run.name, namespace, pods, submission: run.id },
    ...(overrides === undefined ? {} : { overrides }),
    ...{ ttlSeconds: PROBE_TTL_SECONDS, startDeadlineSeconds: 0, exitDeadlineSeconds: 1 },
  });
  const probing: WorkflowSpec = {
    ...withoutLocks(spec ?? {}),
    templates: (spec?.templates ?? []).map((template) => probeStep(template, input)),
    activeDeadlineSeconds: run.spec.deadlineSeconds,
  };
  refuseTemplates(probing);
  return {
    ...workflow,
    metadata: { name: run.name, namespace, labels: probeLabels(run, metadata?.labels) },
    spec: probing,
  };
}

/** A probe takes no turn among the runs: it would wait for them, and they for it. */
const withoutLocks = (spec: WorkflowSpec): WorkflowSpec =>
  Object.fromEntries(Object.entries(spec).filter(([field]) => field !== 'synchronization'));

function probeStep(template: WorkflowTemplate, { probe, run, argoReads }: ProbeWorkflowInput): WorkflowTemplate {
  const { container, metadata } = template;
  if (container === undefined) throw executorError('invalid_spec', 'The pod of the probe has no container.');
  const valueFrom = { path: TERMINATION_MESSAGE, default: '' };
  return {
    ...template,
    metadata: {
      labels: without(probeLabels(run, metadata?.labels), [POD_TYPE_LABEL]),
      annotations: without(metadata?.annotations ?? {}, Object.values(ANNOTATIONS)),
    },
    container: carryCommand(probeContainer(container, probe)),
    ...(argoReads ? { outputs: { parameters: [{ name: PROBE_ANSWER, valueFrom }] } } : {}),
  };
}

const without = (map: Readonly<Record<string, string>>, keys: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
