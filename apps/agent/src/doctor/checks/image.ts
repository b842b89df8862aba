import type { Diagnosis } from '@runner/executor';
import { imageFor } from '@runner/kube';
import { isRunnerError } from '@runner/core';
import type { RunnerError } from '@runner/core';
import { withExecutor } from '../borrowed-executor.ts';
import { defineCheck } from '../check.ts';
import type { Result, Say } from '../check.ts';
import { clusterOf } from '../context.ts';
import type { DoctorContext } from '../context.ts';
import type { ProbeCourse } from '../probe-pod.ts';
import { runTrue } from '../probe-pod.ts';

/** Categories of diagnoses that are about the image. */
const OF_IMAGES = new Set(['image']);

const REASONS = {
  image_ok: { level: 'ok', when: 'The pod ran.' },
  image_odd: {
    level: 'warn',
    when: 'The image was pulled and started, and its `true` did not end well.',
    fix: 'Check that INGESTION_IMAGE is an ingestion image, and what the message says.',
  },
  image_not_pulled: {
    level: 'fail',
    when: 'The node cannot have the image.',
    fix: 'The message says why: a name or tag that does not exist, a login that is missing or expired, a registry that cannot be reached.',
  },
  pod_refused: {
    level: 'fail',
    when: 'No pod could be made: a quota, Pod Security, an admission webhook, a missing service account.',
    fix: 'The message says why.',
  },
  pod_waits: {
    level: 'fail',
    when: 'The pod was made and does not start.',
    fix: 'The message says why.',
  },
  image_slow: {
    level: 'warn',
    when: 'The pod has not started within the time of the check, and nothing speaks against it: the image may be large, or the node busy.',
    fix: 'Run doctor again in a minute.',
  },
  image_not_tried: { level: 'skipped', when: '`--no-pods` was given.' },
  image_forbidden: {
    level: 'warn',
    when: 'A right is missing that the try needs, as runs do: to create a Job (with Argo a Workflow), to see its pod.',
    fix: 'Grant it in the namespace of the workloads (see the check `rights`), or give --no-pods.',
  },
} as const;

type Telling = Say<keyof typeof REASONS>;

/** Creates a Job (with Argo a Workflow) whose pod is like those of metadata runs and runs `true`, and removes it. */
export const image = defineCheck({
  id: 'image',
  group: 'kubernetes',
  looksAt:
    'whether a pod of the ingestion image starts: a Job (with Argo a Workflow) that runs `true` is made and removed (not with --no-pods)',
  deadlineMs: 45_000,
  reasons: REASONS,
  run: async (context, say, signal) => {
    const { executor } = context.config;
    const outcome = await context.cluster();
    // An Argo Server alone is enough: the Workflow says how its pod fared.
    const isArgoAlone = executor.type === 'argo' && outcome.kind === 'none';
    const sight = isArgoAlone ? undefined : await clusterOf(context);
    const settings = executor.type === 'local' ? undefined : executor;
    if (!context.options.pods || settings === undefined) {
      return [say('image_not_tried', 'Pods were not to be made (--no-pods).')];
    }
    const answer = await context.server();
    const wanted = imageFor(settings.pods.image, answer.answered ? answer.openMetadataVersion : undefined);
    try {
      if (sight === undefined || settings.type === 'argo') return [await overArgo(context, wanted, say, signal)];
      return [courseTold(await runTrue(context, sight, wanted, signal), wanted, say)];
    } catch (error) {
      if (!isRunnerError(error)) throw error;
      const code = codeOfCluster(error);
      if (code === 'kube_forbidden') return [say('image_forbidden', `${error.message}.`)];
      if (REFUSALS.has(code)) return [say('pod_refused', `${error.message}.`, error.hint)];
      throw error;
    }
  },
});

function courseTold(course: ProbeCourse, wanted: string, say: Telling): Result {
  switch (course.kind) {
    case 'ran':
      return say('image_ok', `A pod of ${wanted} ran on ${course.node}.`);
    case 'ended':
      return say('image_odd', `A pod of ${wanted} started and did not end well (${course.why}).`);
    case 'refused':
      return say('pod_refused', course.diagnosis.message, course.diagnosis.hint);
    case 'waits': {
      if (course.diagnosis === undefined) return say('image_slow', `A pod of ${wanted} has not started yet.`);
      const { message, hint, code } = course.diagnosis;
      return say(reasonOf(course.diagnosis), `${message} (${code})`, hint);
    }
  }
}

/** Executors put the errors of the API into words of their own, and keep their code among the details. */
function codeOfCluster({ code, details }: RunnerError): string {
  const { cause } = details;
  return typeof cause === 'string' ? cause : code;
}

const REFUSALS = new Set(['kube_admission_denied', 'kube_quota_exceeded', 'kube_invalid', 'kube_not_found']);

/** Pure: what a pod that waits comes to. */
export function reasonOf({ category, code, permanent }: Diagnosis): 'image_not_pulled' | 'pod_waits' | 'image_slow' {
  if (OF_IMAGES.has(category)) return 'image_not_pulled';
  if (code === 'node_silent') return 'image_slow';
  return permanent || category !== 'unknown' ? 'pod_waits' : 'image_slow';
}

/** Less than the deadline of the check, so that there is time to take the Workflow away. */
const WORKFLOW_MS = 30_000;
const PULLING = /ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull/;

/** The executor's own probe: its pods are made by Argo, with Argo's containers beside the image. */
async function overArgo(context: DoctorContext, wanted: string, say: Telling, signal: AbortSignal): Promise<Result> {
  const probe = { command: ['true'], image: wanted, timeoutMs: WORKFLOW_MS } as const;
  const end = await withExecutor(context, async (executor) => await executor.probe?.(probe, signal));
  if (end === undefined) throw new TypeError('the executor of Workflows runs no probes');
  if (end.exitCode === 0) return say('image_ok', `A pod of ${wanted} ran in a Workflow.`);
  if (end.exitCode !== undefined) return say('image_odd', `A pod of ${wanted} ended with exit code ${end.exitCode}.`);
  const { trouble = 'It did not begin.' } = end;
  return say(
    PULLING.test(trouble) ? 'image_not_pulled' : 'pod_waits',
    trouble,
    PULLING.test(trouble) ? ACCESS : undefined,
  );
}

const ACCESS =
  'Check the name of the image, and that INGESTION_IMAGE_PULL_SECRETS names a Secret with valid credentials in the namespace of the runs.';
