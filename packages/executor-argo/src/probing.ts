import type { Probe, ProbeEnd } from '@runner/executor';
import type { KubeApi } from '@runner/kube';
import type { ProbeRun } from '@runner/kube/runs';
import { PROBE_TTL_SECONDS, endOfProbe, probeContainer, probeLabels, probeRun } from '@runner/kube/runs';
import type { ArgoParts } from './parts.ts';
import { buildWorkflow } from './workflow/build-workflow.ts';
import type { Workflow } from './workflow/objects.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/**
 * Runs a probe in a Workflow like those of test connections. Its answer is the termination message of its pod, so it needs
 * the API server.
 */
export async function runProbe(parts: ArgoParts, kube: KubeApi, probe: Probe, signal: AbortSignal): Promise<ProbeEnd> {
  const { argo, namespace, random, clock, logger } = parts;
  const run = probeRun(probe, random.uuid().slice(0, 8));
  const wanted = probeWorkflow(parts, probe, run);
  const { object } = await argo.workflows.create(WORKFLOWS, namespace, wanted, { signal });
  const which = object.metadata?.uid === undefined ? {} : { uid: object.metadata.uid };
  const remove = (late: AbortSignal): Promise<void> =>
    argo.workflows.delete(WORKFLOWS, namespace, run.name, { ...which, propagation: 'Background', signal: late });
  return await endOfProbe({ api: kube, namespace, clock, logger }, { probe, id: run.id, remove }, signal);
}

function probeWorkflow({ options, namespace, random }: ArgoParts, probe: Probe, run: ProbeRun): Workflow {
  const { name, spec } = run;
  const {
    metadata,
    spec: built = {},
    ...workflow
  } = buildWorkflow({
    ...{ spec, name, namespace, pods: options.pods, submission: random.uuid() },
    ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
    ttlSeconds: PROBE_TTL_SECONDS,
    startDeadlineSeconds: 0,
    exitDeadlineSeconds: 1,
  });
  const templates = (built.templates ?? []).map((template) => ({
    ...template,
    metadata: { labels: probeLabels(run, template.metadata?.labels) },
    ...(template.container === undefined ? {} : { container: probeContainer(template.container, probe) }),
  }));
  // No annotations: they, too, say whose run it is.
  const labels = probeLabels(run, metadata?.labels);
  return { ...workflow, metadata: { name, namespace, labels }, spec: { ...built, templates } };
}
