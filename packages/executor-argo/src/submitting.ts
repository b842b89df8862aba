import type { RunSpec, SubmitResult } from '@runner/executor';
import { checkSpec, workloadName } from '@runner/executor';
import { refuseStranger, submissionOf } from '@runner/kube/runs';
import { keepWorkflow } from './kept.ts';
import { look, remember } from './looking.ts';
import { judge } from './observation.ts';
import { DEFAULTS } from './options.ts';
import type { ArgoParts } from './parts.ts';
import { buildWorkflow } from './workflow/build-workflow.ts';
import type { Workflow } from './workflow/objects.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/** Creates the Workflow of a run, or adopts the one there is. One call; its name follows from the run. */
export async function submitRun(parts: ArgoParts, spec: RunSpec, signal: AbortSignal): Promise<SubmitResult> {
  const { argo, namespace } = parts;
  checkSpec(spec);
  const wanted = workflowOf(parts, spec);
  const { object, created: isNew } = await argo.workflows.create(WORKFLOWS, namespace, wanted, { signal });
  if (!isNew) refuseStranger(object, spec, 'Workflow');
  remember(parts, spec.runId, object);
  parts.absences.found(spec.runId);
  const created = isNew || submissionOf(object) === submissionOf(wanted);
  if (!created) return { created, observation: await look(parts, spec.runId, signal) };
  const workflow = keepWorkflow(object);
  return { created, observation: judge({ runId: spec.runId, workflow, pods: [] }, parts.context()) };
}

function workflowOf({ namespace, options, random, logger }: ArgoParts, spec: RunSpec): Workflow {
  return buildWorkflow({
    spec,
    name: workloadName(spec),
    namespace,
    pods: options.pods,
    ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
    ttlSeconds: options.ttlSeconds ?? DEFAULTS.ttlSeconds,
    startDeadlineSeconds: options.startDeadlineSeconds?.(spec.pipelineType) ?? DEFAULTS.startDeadlineSeconds,
    exitDeadlineSeconds: options.exitDeadlineSeconds ?? DEFAULTS.exitDeadlineSeconds,
    submission: random.uuid(),
    explain: (placement) => logger.debug('a workload is placed', { runId: spec.runId, placement }),
  });
}
