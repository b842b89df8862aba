import type { Pod } from '@runner/kube';
import { EVENTS, PODS, diagnose } from '@runner/kube';
import { defineCheck } from '../check.ts';
import type { Result, Say } from '../check.ts';
import { clusterOf } from '../context.ts';
import type { ClusterSight } from '../context.ts';
import { lookAround } from '../looking.ts';
import { runnerContainer } from '../runner-container.ts';

export const AGENT_PODS = 'app=hybrid-runner';
const RENEW = 'kubectl create job --from=cronjob/ecr-registry-helper manual';
const REASONS = {
  agent_pod_ok: { level: 'ok', when: 'A pod of the runner is ready.' },
  agent_pods_none: { level: 'skipped', when: 'No pod of a runner stands in this namespace.' },
  agent_pod_image: {
    level: 'fail',
    when: 'A pod of the runner waits for its image (`ImagePullBackOff`).',
    fix: `Where the image is behind a pull secret, the registry helper may not have run yet: ${RENEW}.`,
  },
  agent_pod_waits: { level: 'fail', when: 'A pod of the runner does not start.', fix: 'The message says why.' },
  agent_pod_failing: {
    level: 'fail',
    when: 'A pod of the runner ends again and again.',
    fix: 'kubectl logs --previous; exit code 78 means that its configuration is wrong.',
  },
  agent_pod_not_ready: {
    level: 'warn',
    when: 'A pod of the runner runs and is not ready.',
    fix: 'See its /readyz, and its log.',
  },
  agent_pods_unseen: { level: 'warn', when: 'The right to look is missing.' },
} as const;

type Telling = Say<keyof typeof REASONS>;

/** The pods of the runner itself, as the chart labels them. */
export const agentPods = defineCheck({
  id: 'agent-pods',
  group: 'agent',
  looksAt: 'the pods of the runner itself (label app=hybrid-runner)',
  reasons: REASONS,
  run: async (context, say, signal) => {
    const sight = await clusterOf(context);
    const seen = await lookAround(sight.api, PODS, sight.ownNamespace, { labelSelector: AGENT_PODS, signal });
    if (!seen.seen) return [say('agent_pods_unseen', 'The pods of the runner may not be seen.', seen.fix)];
    const alive = seen.it.filter(isAlive);
    if (alive.length === 0) {
      return [say('agent_pods_none', `No pod of a runner stands in namespace ${sight.ownNamespace}.`)];
    }
    return await Promise.all(alive.map((pod) => judged(pod, sight, say, signal)));
  },
});

/** One that was evicted stays as it is for a long time, and another stands in its place. */
const isAlive = ({ metadata, status }: Pod): boolean =>
  metadata?.deletionTimestamp === undefined && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';

async function judged(pod: Pod, sight: ClusterSight, say: Telling, signal: AbortSignal): Promise<Result> {
  const name = pod.metadata?.name ?? '';
  const own = runnerContainer(pod)?.name;
  const statuses = pod.status?.containerStatuses ?? [];
  const status = statuses.find(({ name: each }) => each === own) ?? statuses[0];
  const { waiting } = status?.state ?? {};
  if (status?.ready === true) return say('agent_pod_ok', `The pod ${name} is ready.`);
  if (waiting?.reason === 'CrashLoopBackOff') {
    const code = status?.lastState?.terminated?.exitCode;
    return say(
      'agent_pod_failing',
      `The pod ${name} ends again and again${code === undefined ? '' : `, last with exit code ${code}`}.`,
    );
  }
  const diagnosis = diagnose({ pod, ...(await around(pod, sight, signal)) });
  if (diagnosis === undefined) return say('agent_pod_not_ready', `The pod ${name} is not ready.`);
  const told = `The pod ${name} waits: ${diagnosis.message} (${diagnosis.code})`;
  if (diagnosis.category !== 'image') return say('agent_pod_waits', told, diagnosis.hint);
  return say('agent_pod_image', told, `${imageFix(sight.ownNamespace)} ${ofRunner(diagnosis.hint)}`.trim());
}

/** The CronJob stands where the runner does. */
const imageFix = (namespace: string): string => REASONS.agent_pod_image.fix.replace(RENEW, `${RENEW} -n ${namespace}`);

/** Hints of diagnoses speak of runs, which have another setting. */
const ofRunner = (hint = ''): string =>
  hint.replace('INGESTION_IMAGE_PULL_SECRETS', 'imagePullSecrets').replace('of the runs', 'of the runner');

async function around(pod: Pod, { api, ownNamespace, settings }: ClusterSight, signal: AbortSignal) {
  const fieldSelector = `involvedObject.uid=${pod.metadata?.uid ?? ''}`;
  const events = await lookAround(api, EVENTS, ownNamespace, { fieldSelector, signal });
  return {
    events: events.seen ? events.it : [],
    context: {
      placementVariable: settings.pods.scheduling.variable,
      pipelineType: 'metadata',
      namespace: ownNamespace,
    },
  };
}
