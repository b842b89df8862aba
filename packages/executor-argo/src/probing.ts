import type { Probe, ProbeEnd } from '@runner/executor';
import type { ProbeRun, ProbeSight } from '@runner/kube/runs';
import { endOfProbe, podOfProbe, probeMessage, probeRun, probeSight } from '@runner/kube/runs';
import { exitCodeOf, podOfNode } from './node-evidence.ts';
import type { ArgoParts } from './parts.ts';
import { isFinished, mainNodeOf } from './sight.ts';
import type { Workflow, WorkflowNode } from './workflow/objects.ts';
import { WORKFLOWS } from './workflow/objects.ts';
import { PROBE_ANSWER, buildProbeWorkflow } from './workflow/probe-workflow.ts';

/**
 * Runs a probe in a Workflow like those of test connections. Its answer is the termination message of its pod, which Argo
 * reads where this executor cannot see pods.
 */
export async function runProbe(parts: ArgoParts, probe: Probe, signal: AbortSignal): Promise<ProbeEnd> {
  const { argo, options, namespace, random } = parts;
  const run = probeRun(probe, random.uuid().slice(0, 8));
  const wanted = buildProbeWorkflow({
    ...{ probe, run, namespace, pods: options.pods, argoReads: argo.transport === 'server' },
    ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
  });
  const { object } = await argo.workflows.create(WORKFLOWS, namespace, wanted, { signal });
  const which = object.metadata?.uid === undefined ? {} : { uid: object.metadata.uid };
  const remove = (late: AbortSignal): Promise<void> =>
    argo.workflows.delete(WORKFLOWS, namespace, run.name, { ...which, propagation: 'Background', signal: late });
  return await endOfProbe(parts, { probe, id: run.id, look: (s) => lookAt(parts, run, s), remove }, signal);
}

async function lookAt({ argo, kube, namespace }: ArgoParts, run: ProbeRun, signal: AbortSignal): Promise<ProbeSight> {
  const pod = kube === undefined ? undefined : await podOfProbe({ api: kube, namespace }, run.id, signal);
  if (pod !== undefined) return probeSight(pod);
  // By its name it is never old.
  return sightOf(await argo.workflows.get(WORKFLOWS, namespace, run.name, { signal }));
}

/** What Argo says of a probe whose pod is not seen. */
function sightOf(workflow: Workflow | undefined): ProbeSight {
  if (workflow === undefined) return { end: { message: '', trouble: 'Its Workflow is gone.' } };
  const node = mainNodeOf(workflow);
  const { phase = '', message } = workflow.status ?? {};
  // Not before Argo is done with the Workflow is what a step left behind complete.
  if (isFinished(workflow)) return { end: endOf(node, words(`Its Workflow is ${phase}`, node?.message ?? message)) };
  if (node === undefined) {
    return { waits: phase === '' ? 'No controller has touched its Workflow.' : words('Its Workflow waits', message) };
  }
  const { phase: step = 'not known' } = node;
  return probeSight((step === 'Pending' ? podOfNode(node) : undefined) ?? { status: { phase: step } });
}

function endOf(node: WorkflowNode | undefined, why: string): ProbeEnd {
  const { outputs, message } = node ?? {};
  const exitCode = exitCodeOf({ outputs, message });
  const answer = outputs?.parameters?.find(({ name }) => name === PROBE_ANSWER)?.value ?? '';
  const isTold = answer !== '' || (exitCode !== undefined && message === undefined);
  return {
    message: probeMessage(answer === '' ? (REPEATED.exec(message ?? '')?.[1] ?? '') : answer),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(isTold ? {} : { trouble: why }),
  };
}

/** Of a program that failed Argo repeats the termination message, also where the pod's account may report nothing. */
const REPEATED = /^main: \w+ \(exit code \d+\): ([\s\S]*)$/;

const words = (what: string, why = ''): string => (why === '' ? `${what}.` : `${what}: ${why}`);
