import { isRunnerError } from '@runner/core';
import type { CallOptions, KubeApi, KubeObject, ListOptions, ResourceType } from '@runner/kube';

/** Kinds that only doctor looks at. */

interface Quota extends KubeObject {
  readonly spec?: { readonly scopes?: readonly string[]; readonly scopeSelector?: unknown };
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}
export interface Node extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect?: string }[];
  };
  readonly status?: { readonly allocatable?: Readonly<Record<string, string>> };
}
export interface Account extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}
interface Namespace extends KubeObject {
  readonly status?: { readonly phase?: string };
}
export interface Deployment extends KubeObject {
  readonly status?: { readonly readyReplicas?: number };
}
interface SelfReview extends KubeObject {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}
export type { Quota };

const kind = <T extends KubeObject>(
  apiVersion: string,
  name: string,
  plural: string,
  namespaced: boolean,
): ResourceType<T> => ({ apiVersion, kind: name, plural, namespaced });

export const NAMESPACES = kind<Namespace>('v1', 'Namespace', 'namespaces', false);
export const NODES = kind<Node>('v1', 'Node', 'nodes', false);
export const ACCOUNTS = kind<Account>('v1', 'ServiceAccount', 'serviceaccounts', true);
export const QUOTAS = kind<Quota>('v1', 'ResourceQuota', 'resourcequotas', true);
export const PRIORITY_CLASSES = kind('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', false);
export const DEFINITIONS = kind(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
);
export const DEPLOYMENTS = kind<Deployment>('apps/v1', 'Deployment', 'deployments', true);

const SELF_REVIEWS = kind<SelfReview>('authentication.k8s.io/v1', 'SelfSubjectReview', 'selfsubjectreviews', false);

/** As whom the API server is asked; undefined where it does not say (before Kubernetes 1.28). Nothing is kept of the question. */
export async function whoAmI(api: KubeApi, options: CallOptions): Promise<string | undefined> {
  try {
    const { object } = await api.create(SELF_REVIEWS, '', { metadata: { name: 'doctor' } }, options);
    return object.status?.userInfo?.username;
  } catch (error) {
    if (isRunnerError(error, 'aborted')) throw error;
    return undefined;
  }
}

/** What may be seen of something: `unseen` without the right to look. */
export type Seen<T> = { readonly seen: true; readonly it: T } | { readonly seen: false; readonly fix: string };

/** One object; `it` is undefined where there is none. */
export function look<T extends KubeObject>(
  api: KubeApi,
  type: ResourceType<T>,
  namespace: string,
  name: string,
  options: CallOptions,
): Promise<Seen<T | undefined>> {
  return unlessForbidden('get', type, namespace, api.get(type, namespace, name, options));
}

/** All of a kind. Of kinds of which there may be thousands of large ones `keep` lets go of what is not looked at. */
export function lookAround<T extends KubeObject, Kept = T>(
  api: KubeApi,
  type: ResourceType<T>,
  namespace: string,
  options: ListOptions<T, Kept>,
): Promise<Seen<readonly Kept[]>> {
  const items = api.list(type, namespace, options).then((list) => list.items);
  return unlessForbidden('list', type, namespace, items);
}

async function unlessForbidden<T>(
  verb: string,
  type: ResourceType,
  namespace: string,
  answer: Promise<T>,
): Promise<Seen<T>> {
  try {
    return { seen: true, it: await answer };
  } catch (error) {
    if (isRunnerError(error, 'kube_forbidden')) return { seen: false, fix: grantOf(verb, type, namespace) };
    throw error;
  }
}

/** The grant that would allow a look, as a rule that can be pasted. */
export function grantOf(verb: string, { apiVersion, plural }: ResourceType, namespace: string): string {
  const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*$/, '') : '';
  const rule = ruleText(group, plural, verb);
  const where = namespace === '' ? 'a ClusterRole' : `a Role in namespace ${namespace}`;
  return `Grant it with ${rule} in ${where} (the chart does for helm test with doctor.clusterRole.create), or run doctor with a kubeconfig that may look: --kubeconfig.`;
}

/** A rule of a Role, as JSON, which is YAML. */
export const ruleText = (group: string, resource: string, ...verbs: readonly string[]): string =>
  JSON.stringify({ apiGroups: [group], resources: [resource], verbs });
