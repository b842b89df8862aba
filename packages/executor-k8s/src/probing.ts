import { isRunnerError } from '@runner/core';
import type { Probe, ProbeEnd, RunSpec } from '@runner/executor';
import { MAIN_CONTAINER, MAX_PROBE_MESSAGE, executorError, workloadLabels } from '@runner/executor';
import type { ContainerStatus, Job, Pod, PodTemplate } from '@runner/kube';
import { JOBS, PODS, buildPodTemplate } from '@runner/kube';
import type { K8sParts } from './parts.ts';

/** On Jobs and pods of probes, which carry none of the labels by which runs are found. */
const PROBE_LABEL = 'hybrid-ingestion-runner/probe';
const LOOK_EVERY_MS = 1_000;
const REMOVE_WITHIN_MS = 10_000;
/** The cluster's own deadline, for when nobody is there to remove it, comes after the probe's. */
const SLACK_SECONDS = 30;
/** For which a Job stays that could not be deleted. */
const TTL_SECONDS = 300;

/** Runs a probe in a pod like those of test connections: account, placement, labels, security and variables are theirs. */
export async function runProbe(parts: K8sParts, probe: Probe, signal: AbortSignal): Promise<ProbeEnd> {
  const { api, namespace, random } = parts;
  const id = random.uuid().slice(0, 8);
  const name = `hybrid-runner-probe-${id}`;
  const { object: job } = await api.create(JOBS, namespace, probeJob(parts, probe, name, id), { signal });
  try {
    return await endOf(parts, probe, id, signal);
  } finally {
    await removed(parts, job, name);
  }
}

/** The caller may have left; what was made for it goes all the same. */
async function removed({ api, namespace, clock, logger }: K8sParts, { metadata }: Job, name: string): Promise<void> {
  const late = new AbortController();
  const timer = clock.setTimer(REMOVE_WITHIN_MS, () => late.abort());
  const which = metadata?.uid === undefined ? {} : { uid: metadata.uid };
  try {
    await api.delete(JOBS, namespace, name, { ...which, propagation: 'Background', signal: late.signal });
  } catch (error) {
    logger.debug('the Job of a probe stays until its time to live', { name, error });
  } finally {
    timer.cancel();
  }
}

function probeJob({ options, namespace }: K8sParts, probe: Probe, name: string, id: string): Job {
  if (probe.image === undefined) throw executorError('invalid_spec', 'A probe in a pod needs an image.');
  const seconds = Math.ceil(probe.timeoutMs / 1_000) + SLACK_SECONDS;
  const spec: RunSpec = {
    runId: `00000000-0000-4000-8000-0000${id}`,
    owner: { controlPlaneId: 'probe', agentId: 'probe' },
    ...{ kind: 'automation', pipelineType: 'automation', name, fqn: name, config: {}, deadlineSeconds: seconds },
  };
  const delivery = { kind: 'inline', text: '{}' } as const;
  const template = buildPodTemplate({ spec, settings: options.pods, workloadName: name, namespace, delivery });
  const labels = { ...withoutRunLabels(template, spec), [PROBE_LABEL]: id };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      ...{ backoffLimit: 0, completions: 1, parallelism: 1 },
      ...{ activeDeadlineSeconds: seconds, ttlSecondsAfterFinished: TTL_SECONDS },
      template: { ...template, metadata: { ...template.metadata, labels }, spec: probeSpec(template, probe) },
    },
  };
}

function withoutRunLabels(template: PodTemplate, spec: RunSpec): Readonly<Record<string, string>> {
  const ofRun = new Set(Object.keys(workloadLabels(spec)));
  return Object.fromEntries(Object.entries(template.metadata?.labels ?? {}).filter(([key]) => !ofRun.has(key)));
}

function probeSpec({ spec }: PodTemplate, { command, image }: Probe): NonNullable<PodTemplate['spec']> {
  const containers = (spec?.containers ?? []).map((container) =>
    container.name === MAIN_CONTAINER && image !== undefined
      ? {
          ...container,
          image,
          command: [...command],
          env: (container.env ?? []).filter(({ name }) => name !== 'config'),
        }
      : container,
  );
  return { ...spec, containers };
}

async function endOf(parts: K8sParts, probe: Probe, id: string, signal: AbortSignal): Promise<ProbeEnd> {
  const { clock } = parts;
  const deadline = clock.monotonic() + probe.timeoutMs;
  let last = 'It has no pod.';
  while (clock.monotonic() < deadline) {
    const pod = await podOf(parts, id, signal);
    const main = pod?.status?.containerStatuses?.find(({ name }) => name === MAIN_CONTAINER);
    const { terminated } = main?.state ?? {};
    if (terminated !== undefined) {
      return { message: (terminated.message ?? '').slice(0, MAX_PROBE_MESSAGE), exitCode: terminated.exitCode };
    }
    last = pod === undefined ? last : whyNot(pod, main);
    if (pod?.status?.phase === 'Failed') return { message: '', trouble: last };
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  return { message: '', trouble: `It did not end within ${Math.ceil(probe.timeoutMs / 1_000)} s. ${last}` };
}

async function podOf({ api, namespace, logger }: K8sParts, id: string, signal: AbortSignal): Promise<Pod | undefined> {
  try {
    return (await api.list(PODS, namespace, { labelSelector: `${PROBE_LABEL}=${id}`, signal })).items[0];
  } catch (error) {
    if (signal.aborted || !isRunnerError(error) || !error.retryable) throw error;
    logger.debug('the pod of a probe could not be looked at', { error });
    return undefined;
  }
}

/** What keeps the pod, in the words of the cluster. */
function whyNot(pod: Pod, main: ContainerStatus | undefined): string {
  const { waiting } = main?.state ?? {};
  if (waiting !== undefined) return `It waits: ${[waiting.reason, waiting.message].filter(Boolean).join(': ')}`;
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) return `No node takes its pod: ${unscheduled.message ?? unscheduled.reason ?? ''}`;
  const { phase = 'not known', reason, message } = pod.status ?? {};
  return `Its pod is ${[phase, reason, message].filter(Boolean).join(': ')}.`;
}
