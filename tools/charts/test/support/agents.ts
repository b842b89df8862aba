import { kubectlCommand, succeed } from './cluster.ts';
import { dig } from './objects.ts';
import type { Rendered } from '../../src/index.ts';

/** A pod of a runner. */
export interface AgentPod {
  readonly name: string;
  readonly uid: string;
  readonly ready: boolean;
  /** Why its container does not run, such as ImagePullBackOff. */
  readonly waiting: string | undefined;
  /** As the kubelet saw it, in whole seconds. */
  readonly startedAt: string | undefined;
  readonly restarts: number;
}

/** Pods of the runner by the label that people were told to select by, those that leave excepted. */
export async function agentPods(namespace: string): Promise<readonly AgentPod[]> {
  const pods = await listed(namespace, ['pods', '--selector', 'app=hybrid-runner']);
  return pods
    .filter(({ metadata }) => !('deletionTimestamp' in metadata))
    .map((pod) => {
      const conditions = dig(pod, 'status', 'conditions') as readonly { type: string; status: string }[] | undefined;
      const container = ['status', 'containerStatuses', 0] as const;
      return {
        name: pod.metadata.name,
        uid: String(dig(pod, 'metadata', 'uid')),
        ready: conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
        waiting: dig(pod, ...container, 'state', 'waiting', 'reason') as string | undefined,
        startedAt: dig(pod, ...container, 'state', 'running', 'startedAt') as string | undefined,
        restarts: Number(dig(pod, ...container, 'restartCount') ?? 0),
      };
    });
}

export interface LogLine {
  readonly message: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** What a pod of a runner has logged. */
export async function logOf(namespace: string, pod: string): Promise<readonly LogLine[]> {
  const text = await succeed(kubectlCommand(['logs', pod, '--namespace', namespace]));
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** By which the control plane knows it. Undefined while the pod has not said it. */
export async function instanceOf(namespace: string, pod: string): Promise<string | undefined> {
  const lines = await logOf(namespace, pod);
  return lines.findLast(({ instanceId }) => typeof instanceId === 'string')?.['instanceId'] as string | undefined;
}

/** Objects of a namespace. */
export async function listed(namespace: string, what: readonly string[]): Promise<readonly Rendered[]> {
  const text = await succeed(kubectlCommand(['get', ...what, '--namespace', namespace, '--output', 'json']));
  return (JSON.parse(text) as { readonly items: readonly Rendered[] }).items;
}

/** `Kind/name` of every object of a namespace, of whatever kind the cluster has; what Kubernetes says of them excepted. */
export async function everything(namespace: string): Promise<readonly string[]> {
  const kinds = await succeed(kubectlCommand(['api-resources', '--namespaced', '--verbs=list', '--output=name']));
  const asked = kinds.split('\n').filter((kind) => kind !== '' && !/^(events|pods\.metrics)/.test(kind));
  const found = await listed(namespace, [asked.join(',')]);
  return [...new Set(found.map(({ kind, metadata }) => `${kind}/${metadata.name}`))].toSorted();
}
