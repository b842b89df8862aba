import type { RunSpec, SubmitResult } from '@runner/executor';
import { checkSpec, serialiseConfig, workloadName } from '@runner/executor';
import type { Job } from '@runner/kube';
import { JOBS, buildPodTemplate } from '@runner/kube';
import { intentOf, refuseStranger, submissionOf } from '@runner/kube/runs';
import { completeOrEnd } from './completing.ts';
import { deliveryOf } from './config-object.ts';
import { buildJob } from './job.ts';
import { look } from './looking.ts';
import { judge } from './observation.ts';
import { DEFAULTS } from './options.ts';
import type { K8sParts } from './parts.ts';
import { endCondition } from './sight.ts';

/**
 * Creates the Job of a run, or adopts the one there is. One call with the config inside of the Job, two with an object
 * of its own. A Job whose config the cluster refuses for good is ended, and the run has it as its outcome: what was
 * created is never answered with an error that says that nothing was.
 */
export async function submitRun(parts: K8sParts, spec: RunSpec, signal: AbortSignal): Promise<SubmitResult> {
  const { api, namespace } = parts;
  checkSpec(spec);
  const text = configText(parts, spec);
  const wanted = await jobOf(parts, spec, text, signal);
  const { object: job, created: isNew } = await api.create(JOBS, namespace, wanted, { signal });
  if (!isNew) refuseStranger(job, spec, 'Job');
  const created = isNew || submissionOf(job) === submissionOf(wanted);
  const isOver = endCondition(job) !== undefined || intentOf(job) !== undefined;
  const ended = isOver ? undefined : await completeOrEnd(parts, { spec, job, text }, signal);
  if (ended !== undefined) return { created, observation: ended };
  if (!created) return { created, observation: await look(parts, spec.runId, signal) };
  return { created, observation: judge({ runId: spec.runId, job, pods: [] }, parts.context()) };
}

function configText(parts: K8sParts, spec: RunSpec): string {
  const { secretsManager, config } = parts.options.pods;
  return serialiseConfig(spec, {
    ...config,
    ...(secretsManager === undefined ? {} : { secretsManager: secretsManager.provider }),
  });
}

async function jobOf(parts: K8sParts, spec: RunSpec, text: string, signal: AbortSignal): Promise<Job> {
  const { namespace, options, random, logger } = parts;
  const name = workloadName(spec);
  const delivery = deliveryOf(await parts.delivery.kind(signal), text, name);
  return buildJob({
    spec,
    name,
    namespace,
    template: buildPodTemplate({
      spec,
      settings: options.pods,
      workloadName: name,
      namespace,
      delivery,
      explain: (placement) => logger.debug('a workload is placed', { runId: spec.runId, placement }),
    }),
    delivery,
    ttlSeconds: options.ttlSeconds ?? DEFAULTS.ttlSeconds,
    startDeadlineSeconds: options.startDeadlineSeconds?.(spec.pipelineType) ?? DEFAULTS.startDeadlineSeconds,
    submission: random.uuid(),
  });
}
