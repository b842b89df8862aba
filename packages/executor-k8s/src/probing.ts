import type { Probe, ProbeEnd } from '@runner/executor';
import type { Job } from '@runner/kube';
import { JOBS, buildPodTemplate } from '@runner/kube';
import type { ProbeRun, ProbeSight } from '@runner/kube/runs';
import {
  PROBE_TTL_SECONDS,
  endOfProbe,
  podOfProbe,
  probeContainer,
  probeLabels,
  probeRun,
  probeSight,
} from '@runner/kube/runs';
import type { K8sParts } from './parts.ts';

/** Runs a probe in a pod like those of test connections: account, placement, labels, security and variables are theirs. */
export async function runProbe(parts: K8sParts, probe: Probe, signal: AbortSignal): Promise<ProbeEnd> {
  const { api, namespace, random } = parts;
  const run = probeRun(probe, random.uuid().slice(0, 8));
  const { object } = await api.create(JOBS, namespace, probeJob(parts, probe, run), { signal });
  const which = object.metadata?.uid === undefined ? {} : { uid: object.metadata.uid };
  const remove = (late: AbortSignal): Promise<void> =>
    api.delete(JOBS, namespace, run.name, { ...which, propagation: 'Background', signal: late });
  const look = async (s: AbortSignal): Promise<ProbeSight> => probeSight(await podOfProbe(parts, run.id, s));
  return await endOfProbe(parts, { probe, id: run.id, look, remove }, signal);
}

function probeJob({ options, namespace }: K8sParts, probe: Probe, run: ProbeRun): Job {
  const { name, spec } = run;
  const delivery = { kind: 'inline', text: '{}' } as const;
  const template = buildPodTemplate({ spec, settings: options.pods, workloadName: name, namespace, delivery });
  const labels = probeLabels(run, template.metadata?.labels);
  const containers = (template.spec?.containers ?? []).map((container) => probeContainer(container, probe));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      ...{ backoffLimit: 0, completions: 1, parallelism: 1 },
      ...{ activeDeadlineSeconds: spec.deadlineSeconds, ttlSecondsAfterFinished: PROBE_TTL_SECONDS },
      template: { ...template, metadata: { ...template.metadata, labels }, spec: { ...template.spec, containers } },
    },
  };
}
