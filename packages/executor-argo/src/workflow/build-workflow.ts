import type { RunSpec } from '@runner/executor';
import { exitConfig, executorError, serialiseConfig, workloadKind, workloadLabels } from '@runner/executor';
import type { Container, PodSettings, PodTemplate } from '@runner/kube';
import { backstopSeconds, buildExitContainer, buildPodTemplate, wholeSeconds } from '@runner/kube';
import { ANNOTATIONS, runAnnotations } from '@runner/kube/runs';
import type { Explanation } from '@runner/scheduling';
import type { WorkflowOverrides } from '../options.ts';
import { lightened } from './large-config.ts';
import type { Workflow, WorkflowSpec, WorkflowTemplate } from './objects.ts';
import { TEMPLATES, WORKFLOWS } from './objects.ts';
import { mergeContainer, mergeWorkflow, weakerPatch } from './overrides-merge.ts';
import { podFields } from './pod-fields.ts';
import { goJsonBytes, isWithin } from './size.ts';
import { OPENING, STATUS_EXPRESSION, carryBraces, refuseTemplates } from './template-safety.ts';

export interface WorkflowInput {
  readonly spec: RunSpec;
  /** `workloadName(spec)`. */
  readonly name: string;
  readonly namespace: string;
  readonly pods: PodSettings;
  /** What `readWorkflowOverrides` gave. */
  readonly overrides?: WorkflowOverrides;
  /** Seconds the ended Workflow and its pods stay. */
  readonly ttlSeconds: number;
  /** Seconds the run may wait for its start; part of the Workflow's own deadline. */
  readonly startDeadlineSeconds: number;
  /** Seconds the exit step may take. */
  readonly exitDeadlineSeconds: number;
  /** Names this very attempt to create it. */
  readonly submission: string;
  /** Called once, with the setting that decided each field of the placement. */
  readonly explain?: (explanation: readonly Explanation[]) => void;
}

/** Tells the two pods of a run apart; OpenMetadata's own log look-ups and its exit handler prefer `main`. */
export const POD_TYPE_LABEL = 'omjob.pipelines.openmetadata.org/pod-type';

/** Argo keeps no Workflow above 1 MiB, and writes its state of the run into the same object. */
const MAX_WORKFLOW_BYTES = 950_000;

/** True for runs whose Workflow has an exit step. The image's exit handler reports the status of pipelines only. */
export function hasExitStep(spec: Pick<RunSpec, 'kind' | 'pipelineType'>): boolean {
  return workloadKind(spec) === 'pipeline';
}

/**
 * The Workflow of a run: container `main`, and for pipelines the exit step that runs however `main` ends. Pure; uses no
 * field that Argo 3.5 lacks.
 * @throws config_too_large, template_in_value, invalid_spec
 */
export function buildWorkflow(input: WorkflowInput): Workflow {
  const { spec, name, namespace, submission } = input;
  const serialise = serialiser(input.pods);
  const main = serialise(spec.config);
  const template = buildPodTemplate({
    spec,
    settings: input.pods,
    workloadName: name,
    namespace,
    delivery: { kind: 'inline', text: main },
    ...(input.explain === undefined ? {} : { explain: input.explain }),
  });
  const workflow: Workflow = {
    apiVersion: WORKFLOWS.apiVersion,
    kind: WORKFLOWS.kind,
    metadata: {
      name,
      namespace,
      labels: { ...template.metadata?.labels, ...workloadLabels(spec) },
      annotations: runAnnotations(spec, { kind: 'inline', text: main }, submission),
    },
    spec: lightened(workflowSpec(input, template, serialise), spec, serialise),
  };
  refuseTemplates(workflow.spec);
  refuseSize(workflow);
  return workflow;
}

type Serialise = (config: RunSpec['config']) => string;

/** Writes configs as Argo can carry them, each once: both steps may have the same. */
function serialiser({ config, secretsManager }: PodSettings): Serialise {
  const settings = {
    ...config,
    ...(secretsManager === undefined ? {} : { secretsManager: secretsManager.provider }),
    escapeTemplates: true,
  };
  const written = new Map<RunSpec['config'], string>();
  return (value) => {
    const text = written.get(value) ?? serialiseConfig({ config: value }, settings);
    written.set(value, text);
    return text;
  };
}

function workflowSpec(input: WorkflowInput, template: PodTemplate, serialise: Serialise): WorkflowSpec {
  const { spec, overrides } = input;
  const { fields, patch } = podFields(template.spec ?? { containers: [] });
  const withExit = hasExitStep(spec);
  const steps = [mainStep(input, template), ...(withExit ? [exitStep(input, template, serialise)] : [])];
  const podSpecPatch = JSON.stringify(weakerPatch(patch, overrides?.workflow));
  return {
    ...mergeWorkflow({ ...fields, archiveLogs: false, ttlStrategy: ttlStrategy(input) }, overrides?.workflow),
    entrypoint: TEMPLATES.main,
    ...(withExit ? { onExit: TEMPLATES.exit } : {}),
    templates: steps.map((step) => ({ ...step, podSpecPatch })),
    activeDeadlineSeconds: backstopSeconds(spec.deadlineSeconds, input.startDeadlineSeconds),
    podGC: podGC(input),
  };
}

/** All three, because a default of the controller for success or failure would win over the one for completion. */
function ttlStrategy({ ttlSeconds }: WorkflowInput): object {
  const seconds = wholeSeconds(ttlSeconds, 0);
  return { secondsAfterCompletion: seconds, secondsAfterSuccess: seconds, secondsAfterFailure: seconds };
}

/**
 * Pods stay as long as their Workflow does: they hold the log and the exit code, which an agent that was away reads later.
 * Said aloud, because the controller may have a default that deletes them at once.
 */
function podGC({ ttlSeconds }: WorkflowInput): object {
  return { strategy: 'OnWorkflowCompletion', deleteDelayDuration: `${wholeSeconds(ttlSeconds, 0)}s` };
}

function mainStep(input: WorkflowInput, template: PodTemplate): WorkflowTemplate {
  const { spec, overrides } = input;
  const [container] = template.spec?.containers ?? [];
  if (container === undefined) throw executorError('invalid_spec', 'The pod of the run has no container.');
  return {
    name: TEMPLATES.main,
    metadata: podMetadata(spec, template, 'main'),
    // The pod's own deadline: its waiting for a node does not count.
    activeDeadlineSeconds: wholeSeconds(spec.deadlineSeconds, 1),
    container: finished(mergeContainer(container, overrides?.container)),
  };
}

function exitStep(input: WorkflowInput, template: PodTemplate, serialise: Serialise): WorkflowTemplate {
  const { spec, name, namespace, pods, overrides } = input;
  const container = buildExitContainer({
    spec,
    settings: pods,
    workloadName: name,
    namespace,
    config: serialise(exitConfig(spec)),
    status: STATUS_EXPRESSION,
  });
  return {
    name: TEMPLATES.exit,
    metadata: podMetadata(spec, template, 'exit-handler'),
    activeDeadlineSeconds: wholeSeconds(input.exitDeadlineSeconds, 1),
    container: finished(mergeContainer(container, withoutResources(overrides?.container))),
  };
}

/** What the file asks for main's work is too much, or too little, for a step that sends one report. */
function withoutResources(file: WorkflowOverrides['container']): WorkflowOverrides['container'] {
  if (file === undefined) return undefined;
  return Object.fromEntries(Object.entries(file).filter(([field]) => field !== 'resources'));
}

const finished = (container: Container): Container => ({ ...container, env: [...carryBraces(container.env ?? [])] });

function podMetadata(spec: RunSpec, template: PodTemplate, type: string): NonNullable<WorkflowTemplate['metadata']> {
  return {
    labels: { ...template.metadata?.labels, [POD_TYPE_LABEL]: type },
    // The pod may outlast its Workflow, and labels have lost the spelling.
    annotations: {
      ...template.metadata?.annotations,
      [ANNOTATIONS.runId]: spec.runId,
      ...(spec.pipelineType.includes(OPENING) ? {} : { [ANNOTATIONS.pipelineType]: spec.pipelineType }),
    },
  };
}

function refuseSize(workflow: Workflow): void {
  if (isWithin(workflow, MAX_WORKFLOW_BYTES)) return;
  const bytes = goJsonBytes(workflow);
  throw executorError(
    'config_too_large',
    `The Workflow of the run would have ${bytes} bytes; Argo keeps at most ${MAX_WORKFLOW_BYTES} of ours.`,
    {
      hint: 'Make the pipeline smaller: shorten its filter patterns, or split it into several pipelines.',
      details: { bytes, limit: MAX_WORKFLOW_BYTES },
    },
  );
}
