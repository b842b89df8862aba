import type { Clock } from '@runner/core';
import type { Diagnosis, RunSpec } from '@runner/executor';
import { MAIN_CONTAINER, workloadLabels } from '@runner/executor';
import type { Job, KubeEvent, NodeTaints, Pod } from '@runner/kube';
import { EVENTS, JOBS, PODS, buildPodTemplate, diagnose, diagnoseRefusal } from '@runner/kube';
import type { ClusterSight, DoctorContext } from './context.ts';
import { NODES, lookAround } from './looking.ts';
import { nodeOf } from './node-fit.ts';

/** On Job and pod of the probe, which carry none of the labels by which runs are found. */
export const PROBE_LABEL = 'hybrid-ingestion-runner/probe';
const PIPELINE_TYPE = 'metadata';
const LOOK_EVERY_MS = 1_000;
/** What is said this long of a pod that waits, or of a Job without one, will be said later, too. */
const SETTLED_MS = { waits: 12_000, refused: 3_000 } as const;
/** Said of pods on nodes that have much to do: what it will come to is not known before the end. */
const UNSETTLED = 'node_silent';
const REMOVE_WITHIN_MS = 10_000;
/** The cluster's own deadline and time to live, for when nobody is there to remove it. */
const LONGEST_SECONDS = 120;

/** How the probe fared. */
export type ProbeCourse =
  | { readonly kind: 'ran'; readonly node: string }
  /** It began and did not end with 0: the image is there. */
  | { readonly kind: 'ended'; readonly why: string }
  | { readonly kind: 'refused'; readonly diagnosis: Diagnosis }
  | { readonly kind: 'waits'; readonly diagnosis: Diagnosis | undefined };

/** Runs `true` in a pod like those of metadata runs, and removes it. Ends early on what does not mend itself. */
export async function runTrue(
  context: DoctorContext,
  sight: ClusterSight,
  image: string,
  signal: AbortSignal,
): Promise<ProbeCourse> {
  const { api, namespace } = sight;
  const id = context.random.uuid().slice(0, 8);
  const name = `hybrid-runner-doctor-${id}`;
  const job = probeJob(sight, image, { name, id });
  const { object } = await api.create(JOBS, namespace, job, { signal });
  try {
    return await courseOf(context, sight, { id, job: object }, signal);
  } finally {
    await remove(context.clock, sight, name, object.metadata?.uid);
  }
}

interface Named {
  readonly name: string;
  readonly id: string;
}

function probeJob({ settings, namespace }: ClusterSight, image: string, { name, id }: Named): Job {
  const spec: RunSpec = {
    runId: `00000000-0000-4000-8000-0000${id}`,
    owner: { controlPlaneId: 'doctor', agentId: 'doctor' },
    ...{ kind: 'pipeline', pipelineType: PIPELINE_TYPE, name, fqn: name, config: {}, deadlineSeconds: LONGEST_SECONDS },
  };
  const delivery = { kind: 'inline', text: '{}' } as const;
  const template = buildPodTemplate({ spec, settings: settings.pods, workloadName: name, namespace, delivery });
  const ofRun = new Set(Object.keys(workloadLabels(spec)));
  const own = Object.entries(template.metadata?.labels ?? {}).filter(([key]) => !ofRun.has(key));
  const labels = { ...Object.fromEntries(own), [PROBE_LABEL]: id };
  const containers = (template.spec?.containers ?? []).map((container) => ({
    ...container,
    image,
    command: ['true'],
    env: [],
  }));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      ...{ backoffLimit: 0, completions: 1, parallelism: 1 },
      ...{ activeDeadlineSeconds: LONGEST_SECONDS, ttlSecondsAfterFinished: LONGEST_SECONDS },
      template: { ...template, metadata: { ...template.metadata, labels }, spec: { ...template.spec, containers } },
    },
  };
}

async function courseOf(
  { clock }: DoctorContext,
  sight: ClusterSight,
  probe: Probe,
  signal: AbortSignal,
): Promise<ProbeCourse> {
  let last: Diagnosis | undefined;
  let since = clock.monotonic();
  try {
    const nodes = await nodesOf(sight, signal);
    for (;;) {
      const { pod, ended, diagnosis } = await lookAt(sight, probe, nodes, signal);
      if (ended !== undefined) return ended;
      if (diagnosis?.code !== last?.code) since = clock.monotonic();
      last = diagnosis;
      const kind = pod === undefined ? 'refused' : 'waits';
      const isOld = diagnosis?.code !== UNSETTLED && clock.monotonic() - since >= SETTLED_MS[kind];
      const isSettled = diagnosis?.permanent === true || isOld;
      if (diagnosis !== undefined && isSettled) return { kind, diagnosis };
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  } catch (error) {
    if (signal.aborted) return { kind: 'waits', diagnosis: last };
    throw error;
  }
}

interface Probe {
  readonly id: string;
  readonly job: Job;
}

async function lookAt(
  sight: ClusterSight,
  { id, job }: Probe,
  nodes: readonly NodeTaints[] | undefined,
  signal: AbortSignal,
): Promise<{
  readonly pod?: Pod | undefined;
  readonly ended?: ProbeCourse;
  readonly diagnosis?: Diagnosis | undefined;
}> {
  const pod = await podOf(sight, id, signal);
  const ended = pod === undefined ? undefined : endOf(pod);
  if (ended !== undefined) return { pod, ended };
  const events = await eventsOf(sight, pod ?? job, signal);
  return { pod, diagnosis: diagnosisOf(sight, { job, pod, events, nodes }) };
}

async function podOf({ api, namespace }: ClusterSight, id: string, signal: AbortSignal): Promise<Pod | undefined> {
  return (await api.list(PODS, namespace, { labelSelector: `${PROBE_LABEL}=${id}`, signal })).items[0];
}

function endOf(pod: Pod): ProbeCourse | undefined {
  const main = pod.status?.containerStatuses?.find(({ name }) => name === MAIN_CONTAINER);
  const { terminated } = main?.state ?? {};
  if (terminated === undefined) {
    if (pod.status?.phase !== 'Failed') return undefined;
    return { kind: 'ended', why: [pod.status.reason, pod.status.message].filter(Boolean).join(': ') };
  }
  if (terminated.exitCode === 0) return { kind: 'ran', node: pod.spec?.nodeName ?? '' };
  const why = [`exit code ${terminated.exitCode}`, terminated.reason, terminated.message].filter(Boolean).join(', ');
  return { kind: 'ended', why };
}

interface Around {
  readonly job: Job;
  readonly pod: Pod | undefined;
  readonly events: readonly KubeEvent[];
  readonly nodes: readonly NodeTaints[] | undefined;
}

function diagnosisOf(
  { settings, namespace }: ClusterSight,
  { job, pod, events, nodes }: Around,
): Diagnosis | undefined {
  const context = { placementVariable: settings.pods.scheduling.variable, pipelineType: PIPELINE_TYPE, namespace };
  const refused = events.find(({ reason }) => reason === 'FailedCreate');
  if (pod === undefined && refused !== undefined) return diagnoseRefusal(refused.message ?? '', context);
  return diagnose({
    job,
    events,
    context,
    ...(pod === undefined ? {} : { pod }),
    ...(nodes === undefined ? {} : { nodes }),
  });
}

/** Without the right to see them the diagnosis is poorer. */
async function eventsOf(
  { api, namespace }: ClusterSight,
  { metadata }: Pod | Job,
  signal: AbortSignal,
): Promise<readonly KubeEvent[]> {
  const fieldSelector = `involvedObject.uid=${metadata?.uid ?? ''}`;
  const seen = await lookAround(api, EVENTS, namespace, { fieldSelector, signal });
  return seen.seen ? seen.it : [];
}

/** Undefined without the right to see them. */
async function nodesOf({ api }: ClusterSight, signal: AbortSignal): Promise<readonly NodeTaints[] | undefined> {
  const seen = await lookAround(api, NODES, '', { keep: nodeOf, signal });
  return seen.seen ? seen.it : undefined;
}

/** Whoever asked may have left; what was made for it goes all the same. */
async function remove(clock: Clock, { api, namespace }: ClusterSight, name: string, uid?: string): Promise<void> {
  const late = new AbortController();
  const timer = clock.setTimer(REMOVE_WITHIN_MS, () => late.abort());
  try {
    const which = uid === undefined ? {} : { uid };
    await api.delete(JOBS, namespace, name, { ...which, propagation: 'Background', signal: late.signal });
  } catch {
    // It goes by its time to live.
  } finally {
    timer.cancel();
  }
}
