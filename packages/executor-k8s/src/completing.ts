import type { RunnerError } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Diagnosis, Observation, RunSpec } from '@runner/executor';
import { executorError } from '@runner/executor';
import type { Job } from '@runner/kube';
import { CONFIG_MAPS, SECRETS } from '@runner/kube';
import { isAborted, reasonOf } from '@runner/kube/runs';
import { configObjectOf } from './annotations.ts';
import { completeConfig } from './delivery.ts';
import { endRun } from './ending.ts';
import { jobError } from './errors.ts';
import type { K8sParts } from './parts.ts';

interface Unfinished {
  readonly spec: RunSpec;
  readonly job: Job;
  readonly text: string;
}

/**
 * Makes what a Job that stands still lacks: its config object. Where that will never be made, the Job is ended in place
 * with the reason, so that the run fails for what is really wrong and nothing half made stays behind.
 * @returns what is seen of a Job that was ended; undefined when it is complete
 */
export async function completeOrEnd(
  parts: K8sParts,
  unfinished: Unfinished,
  signal: AbortSignal,
): Promise<Observation | undefined> {
  const { api, namespace } = parts;
  const { spec, job } = unfinished;
  try {
    await completeConfig({ api, namespace, ...unfinished }, signal);
    return undefined;
  } catch (error) {
    if (isAborted(signal)) throw error;
    const problem = jobError(error);
    const isForGood = isRunnerError(problem) && !problem.retryable;
    // Quotas and admission are asked before anybody looks whether the object stands already: a run that is adopted may
    // have all it needs, and be running.
    const standing = hasConfig(parts, job, signal);
    if (await (isForGood ? standing : standing.catch(() => false))) return undefined;
    if (!isForGood) throw error;
    return await endUnfinished(parts, spec.runId, diagnosisOf(job, error, problem), signal);
  }
}

async function hasConfig({ api, namespace }: K8sParts, job: Job, signal: AbortSignal): Promise<boolean> {
  const wanted = configObjectOf(job);
  if (wanted === undefined) return true;
  const object = await api.get(wanted.kind === 'secret' ? SECRETS : CONFIG_MAPS, namespace, wanted.name, { signal });
  return object?.metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid) === true;
}

/** One patch. When it cannot be applied now, the submit is tried again and comes here again. */
async function endUnfinished(
  parts: K8sParts,
  runId: string,
  diagnosis: Diagnosis,
  signal: AbortSignal,
): Promise<Observation> {
  const intent = { reason: 'permanent_failure' as const, message: diagnosis.message, diagnosis };
  const seen = await endRun(parts, runId, intent, signal, 1);
  if (seen.presence === 'present') return seen;
  throw executorError('executor_unavailable', 'The Job of the run was gone before its config could be made.');
}

function diagnosisOf(job: Job, error: unknown, problem: RunnerError): Diagnosis {
  const { kind = 'secret', name = '' } = configObjectOf(job) ?? {};
  return {
    category: isRunnerError(error, 'kube_admission_denied') ? 'admission' : 'configuration',
    code: 'config_refused',
    message: `The cluster refuses the ${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${name} with the config of the run: ${reasonOf(error)}`,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    permanent: true,
  };
}
