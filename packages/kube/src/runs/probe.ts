import { Buffer } from 'node:buffer';
import type { Clock, Logger } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Probe, ProbeEnd, RunSpec } from '@runner/executor';
import { MAIN_CONTAINER, MAX_PROBE_MESSAGE, executorError, workloadLabels } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';
import { mainStatus } from '../diagnose/main-container.ts';
import type { Container, ContainerStatus, Pod } from '../objects.ts';
import { PODS } from '../objects.ts';
import { literal } from '../pod/environment.ts';

/** On workloads and pods of probes, which carry none of the labels by which runs are found. */
const PROBE_LABEL = 'hybrid-ingestion-runner/probe';
const LOOK_EVERY_MS = 1_000;
const REMOVE_WITHIN_MS = 10_000;
/** The cluster's own deadline, for when nobody is there to remove it, comes after the probe's. */
const SLACK_SECONDS = 30;

const NO_POD = 'It has no pod.';

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
    // A reference to a variable is none: the answer may repeat what was asked.
    command: command.map(literal),
    env: (container.env ?? []).filter(({ name }) => name !== 'config'),
  };
}

/** What is seen of a probe: its end, or in a sentence why there is none yet. */
export type ProbeSight = { readonly end: ProbeEnd } | { readonly waits: string };

export interface ProbeParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A probe whose workload was created. */
export interface StartedProbe {
  readonly probe: Probe;
  readonly id: string;
  /** What is seen of it now; asked every second. */
  readonly look: (signal: AbortSignal) => Promise<ProbeSight>;
  readonly remove: (signal: AbortSignal) => Promise<void>;
}

/** Waits for the end of a probe, and removes it whatever comes. */
export async function endOfProbe(parts: ProbeParts, started: StartedProbe, signal: AbortSignal): Promise<ProbeEnd> {
  try {
    return await endOf(parts, started, signal);
  } finally {
    await removed(parts, started);
  }
}

/** The caller may have left; what was made for it goes all the same. */
async function removed({ clock, logger }: ProbeParts, { id, remove }: StartedProbe): Promise<void> {
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

async function endOf(parts: ProbeParts, started: StartedProbe, signal: AbortSignal): Promise<ProbeEnd> {
  const { clock } = parts;
  const { timeoutMs } = started.probe;
  const deadline = clock.monotonic() + timeoutMs;
  let last = NO_POD;
  while (clock.monotonic() < deadline) {
    const seen = (await looked(parts, started, signal)) ?? { waits: last };
    if ('end' in seen) return seen.end;
    last = seen.waits;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  return { message: '', trouble: `It did not end within ${Math.ceil(timeoutMs / 1_000)} s. ${last}` };
}

/** Undefined when it could not be looked at just now. */
async function looked(
  { logger }: ProbeParts,
  { look }: StartedProbe,
  signal: AbortSignal,
): Promise<ProbeSight | undefined> {
  try {
    return await look(signal);
  } catch (error) {
    if (signal.aborted || !isRunnerError(error) || !error.retryable) throw error;
    logger.debug('a probe could not be looked at', { error });
    return undefined;
  }
}

/** The pod of a probe, once there is one. */
export async function podOfProbe(
  { api, namespace }: { readonly api: Pick<KubeApi, 'list'>; readonly namespace: string },
  id: string,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  return (await api.list(PODS, namespace, { labelSelector: `${PROBE_LABEL}=${id}`, signal })).items[0];
}

/** What its pod says of a probe: the termination message is its answer. Pure. */
export function probeSight(pod: Pod | undefined): ProbeSight {
  if (pod === undefined) return { waits: NO_POD };
  const main = mainStatus(pod);
  const { terminated } = main?.state ?? {};
  if (terminated !== undefined) {
    return { end: { message: probeMessage(terminated.message ?? ''), exitCode: terminated.exitCode } };
  }
  const why = whyNot(pod, main);
  return pod.status?.phase === 'Failed' ? { end: { message: '', trouble: why } } : { waits: why };
}

/** An answer, cut to the bytes that it may have. */
export function probeMessage(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= MAX_PROBE_MESSAGE ? text : bytes.subarray(0, MAX_PROBE_MESSAGE).toString();
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
