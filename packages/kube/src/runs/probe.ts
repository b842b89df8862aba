import type { Clock, Logger } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Probe, ProbeEnd, RunSpec } from '@runner/executor';
import { MAIN_CONTAINER, MAX_PROBE_MESSAGE, executorError, workloadLabels } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';
import { mainStatus } from '../diagnose/main-container.ts';
import type { Container, ContainerStatus, Pod } from '../objects.ts';
import { PODS } from '../objects.ts';

/** On workloads and pods of probes, which carry none of the labels by which runs are found. */
const PROBE_LABEL = 'hybrid-ingestion-runner/probe';
const LOOK_EVERY_MS = 1_000;
const REMOVE_WITHIN_MS = 10_000;
/** The cluster's own deadline, for when nobody is there to remove it, comes after the probe's. */
const SLACK_SECONDS = 30;

/** Seconds for which the workload of a probe stays that could not be deleted. */
export const PROBE_TTL_SECONDS = 300;

/** A probe as a run of its own: what its workload is built of. */
export interface ProbeRun {
  readonly id: string;
  readonly name: string;
  readonly spec: RunSpec;
}

/** @param id eight hexadecimal digits */
export function probeRun(probe: Probe, id: string): ProbeRun {
  const name = `hybrid-runner-probe-${id}`;
  const deadlineSeconds = Math.ceil(probe.timeoutMs / 1_000) + SLACK_SECONDS;
  return {
    id,
    name,
    spec: {
      runId: `00000000-0000-4000-8000-0000${id}`,
      owner: { controlPlaneId: 'probe', agentId: 'probe' },
      ...{ kind: 'automation', pipelineType: 'automation', name, fqn: name, config: {}, deadlineSeconds },
    },
  };
}

/** Labels of the workload of a probe: those of a run's, without the ones by which runs are found. */
export function probeLabels(
  { id, spec }: ProbeRun,
  labels: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const ofRun = new Set(Object.keys(workloadLabels(spec)));
  const others = Object.entries(labels).filter(([key]) => !ofRun.has(key));
  return { ...Object.fromEntries(others), [PROBE_LABEL]: id };
}

/** The container of a run, with the program of the probe in it. Others stay as they are. */
export function probeContainer<T extends Partial<Container>>(container: T, { command, image }: Probe): T {
  if (image === undefined) throw executorError('invalid_spec', 'A probe in a pod needs an image.');
  if (container.name !== MAIN_CONTAINER) return container;
  return {
    ...container,
    image,
    command: [...command],
    env: (container.env ?? []).filter(({ name }) => name !== 'config'),
  };
}

export interface ProbeParts {
  readonly api: Pick<KubeApi, 'list'>;
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Waits for the end of a probe whose workload was created, and removes it whatever comes. */
export async function endOfProbe(
  parts: ProbeParts,
  {
    probe,
    id,
    remove,
  }: { readonly probe: Probe; readonly id: string; readonly remove: (signal: AbortSignal) => Promise<void> },
  signal: AbortSignal,
): Promise<ProbeEnd> {
  try {
    return await endOf(parts, probe, id, signal);
  } finally {
    await removed(parts, id, remove);
  }
}

/** The caller may have left; what was made for it goes all the same. */
async function removed(
  { clock, logger }: ProbeParts,
  id: string,
  remove: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = new AbortController();
  const timer = clock.setTimer(REMOVE_WITHIN_MS, () => late.abort());
  try {
    await remove(late.signal);
  } catch (error) {
    logger.debug('the workload of a probe stays until its time to live', { id, error });
  } finally {
    timer.cancel();
  }
}

async function endOf(parts: ProbeParts, probe: Probe, id: string, signal: AbortSignal): Promise<ProbeEnd> {
  const { clock } = parts;
  const deadline = clock.monotonic() + probe.timeoutMs;
  let last = 'It has no pod.';
  while (clock.monotonic() < deadline) {
    const pod = await podOf(parts, id, signal);
    const main = mainStatus(pod);
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

async function podOf(
  { api, namespace, logger }: ProbeParts,
  id: string,
  signal: AbortSignal,
): Promise<Pod | undefined> {
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
