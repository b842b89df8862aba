import type { RunSpec, SubmitResult } from '@runner/executor';
import { checkSpec, workloadName } from '@runner/executor';
import type { CreateResult } from '@runner/kube';
import { refuseStranger, submissionOf } from '@runner/kube/runs';
import { keepWorkflow } from './kept.ts';
import { look, remember } from './looking.ts';
import { judge } from './observation.ts';
import { DEFAULTS } from './options.ts';
import type { ArgoParts } from './parts.ts';
import { buildWorkflow } from './workflow/build-workflow.ts';
import type { Workflow } from './workflow/objects.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/** How long a creation holds its turn, in milliseconds: nobody waits behind an Argo that does not answer. */
const TURN_MS = 1_000;

/** Creates the Workflow of a run, or adopts the one there is. One call; its name follows from the run. */
export async function submitRun(parts: ArgoParts, spec: RunSpec, signal: AbortSignal): Promise<SubmitResult> {
  checkSpec(spec);
  const { object, created } = await inTurn(parts, signal, () => create(parts, spec, signal));
  remember(parts, spec.runId, object);
  parts.absences.found(spec.runId);
  if (!created) return { created, observation: await look(parts, spec.runId, signal) };
  const workflow = keepWorkflow(object);
  return { created, observation: judge({ runId: spec.runId, workflow, pods: [] }, parts.context()) };
}

/**
 * Workflows are built when they can be sent. Of many starts at once all would be built before the first is sent, while
 * Argo waits for work, and all of them with their configs would be in memory.
 */
async function inTurn<T>({ creating, clock }: ArgoParts, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const leave = await creating.enter(signal);
  const timer = clock.setTimer(TURN_MS, leave);
  try {
    return await work();
  } finally {
    timer.cancel();
    leave();
  }
}

async function create(parts: ArgoParts, spec: RunSpec, signal: AbortSignal): Promise<CreateResult<Workflow>> {
  const { argo, namespace } = parts;
  const wanted = workflowOf(parts, spec);
  const { object, created } = await argo.workflows.create(WORKFLOWS, namespace, wanted, { signal });
  if (!created) refuseStranger(object, spec, 'Workflow');
  return { object, created: created || submissionOf(object) === submissionOf(wanted) };
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
