import { randomUUID } from 'node:crypto';
import { systemClock, systemRandom } from '@runner/core';
import type { AccessRight, KubeApi, KubeIdentity, KubeObject, ResourceType } from '@runner/kube';
import { createKubeApi, PODS } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import type { ArgoApiSubject } from '../../src/testing/argo-api-contract.ts';
import type { ArgoApi } from '../../src/transport/argo-api.ts';
import { createArgoCrdApi } from '../../src/transport/create-argo-crd-api.ts';
import { createArgoServerApi } from '../../src/transport/create-argo-server-api.ts';
import type { Workflow } from '../../src/workflow/objects.ts';
import { WORKFLOWS } from '../../src/workflow/objects.ts';

type Any = KubeObject & { readonly [field: string]: unknown };
interface TokenRequest extends KubeObject {
  readonly status?: { readonly token?: string };
}

const type = <T extends KubeObject = Any>(apiVersion: string, kind: string, plural: string): ResourceType<T> => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});
const NAMESPACES: ResourceType = { ...type('v1', 'Namespace', 'namespaces'), namespaced: false };
const ACCOUNTS = type('v1', 'ServiceAccount', 'serviceaccounts');
const ROLES = type('rbac.authorization.k8s.io/v1', 'Role', 'roles');
const BINDINGS = type('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings');

const IMAGE = 'docker.io/runner/busybox:1';
const clock = systemClock({ keepAlive: true });
const random = systemRandom();

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The Role of the official chart, to the letter. */
export const OFFICIAL_ROLE: readonly Rule[] = [
  { apiGroups: ['argoproj.io'], resources: ['workflows', 'cronworkflows'], verbs: ['*'] },
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['list', 'watch', 'patch', 'get'] },
  { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] },
  { apiGroups: ['argoproj.io'], resources: ['workflowtemplates'], verbs: ['list'] },
];

/** A namespace of a real cluster with Argo, made for one test and deleted after it. */
export interface ClusterArgo extends AsyncDisposable {
  readonly namespace: string;
  readonly identity: KubeIdentity;
  /** A token of a new service account with this Role; resolves when it counts. */
  token(rules: readonly Rule[]): Promise<string>;
  readonly admin: KubeApi;
}

export async function clusterArgo(kubeconfig: string, timeoutMs: number): Promise<ClusterArgo> {
  const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
  const admin = createKubeApi({ identity, clock, random });
  const namespace = `argo-transport-${randomUUID().slice(0, 8)}`;
  const signal = AbortSignal.timeout(timeoutMs * 4);
  let accounts = 0;
  const account = async (name: string, rules: readonly Rule[]): Promise<void> => {
    const create = <T extends KubeObject>(of: ResourceType<T>, object: T): Promise<unknown> =>
      admin.create(of, namespace, object, { signal });
    await create(ACCOUNTS, { metadata: { name } });
    await create(ROLES, { metadata: { name }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
    const subjects = [{ kind: 'ServiceAccount', name, namespace }];
    await create(BINDINGS, { metadata: { name }, roleRef, subjects });
  };
  await admin.create(NAMESPACES, '', { metadata: { name: namespace } }, { signal });
  await account('ingestion', [OFFICIAL_ROLE[2]!]);
  return {
    namespace,
    identity,
    admin,
    token: async (rules) => {
      accounts += 1;
      const name = `client-${accounts}`;
      await account(name, rules);
      // The address of a token request lies below its account.
      const requests = type<TokenRequest>('v1', 'TokenRequest', `serviceaccounts/${name}/token`);
      const wanted = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name } };
      const token = (await admin.create(requests, namespace, wanted, { signal })).object.status?.token;
      if (token === undefined) throw new Error('the cluster gave no token');
      await rulesCount(identity, token, namespace, rules, signal);
      return token;
    },
    [Symbol.asyncDispose]: async () => {
      const left = AbortSignal.timeout(timeoutMs);
      await admin.delete(NAMESPACES, '', namespace, { signal: left, propagation: 'Background' });
      await admin.close();
    },
  };
}

function withToken({ place, certificateAuthority }: KubeIdentity, token: string): KubeApi {
  const authorization = (): Promise<string> => Promise.resolve(`Bearer ${token}`);
  const ca = certificateAuthority === undefined ? {} : { certificateAuthority };
  return createKubeApi({ identity: { place, ...ca, authorization }, clock, random });
}

/** Rules reach the authorizer by a watch of its own. */
async function rulesCount(
  identity: KubeIdentity,
  token: string,
  namespace: string,
  rules: readonly Rule[],
  signal: AbortSignal,
): Promise<void> {
  const kube = withToken(identity, token);
  const [rule] = rules;
  const verb = rule?.verbs[0] === '*' ? 'get' : (rule?.verbs[0] ?? 'get');
  const right = { verb, group: rule?.apiGroups[0] ?? '', resource: rule?.resources[0] ?? '', namespace };
  while (!(await kube.mayI(right, { signal }))) await clock.sleep(50, signal);
  await kube.close();
}

export async function clusterSubject(
  kubeconfig: string,
  endpoint: string,
  transport: 'server' | 'crd',
  timeoutMs: number,
): Promise<ArgoApiSubject> {
  const cluster = await clusterArgo(kubeconfig, timeoutMs);
  const { namespace, identity, admin } = cluster;
  const open: (() => Promise<void>)[] = [];
  const withRole = async (rules: readonly Rule[]): Promise<ArgoApi> => {
    const token = await cluster.token(rules);
    const kube = withToken(identity, token);
    const argo =
      transport === 'crd' ? createArgoCrdApi({ kube }) : createArgoServerApi({ endpoint, token, clock, random });
    open.push(
      () => argo.close(),
      () => kube.close(),
    );
    return argo;
  };
  const argo = await withRole(OFFICIAL_ROLE);
  const brought = async (name: string, script: string, written: string, is: (now: Workflow) => boolean) => {
    const signal = AbortSignal.timeout(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, realWorkflow(name, script, written), { signal });
    for (;;) {
      const now = await admin.get(WORKFLOWS, namespace, name, { signal });
      if (now !== undefined && is(now) && (await hasBegun(admin, namespace, name, signal))) return;
      await clock.sleep(100, signal);
    }
  };
  return {
    argo,
    namespace,
    as: (rights) => withRole(rights.map(ruleOf)),
    workflow: (name, label) => realWorkflow(name, 'sleep 3600', '', label),
    succeeded: (name, written) =>
      brought(name, 'printf %s "$WRITTEN"', written, ({ status }) => status?.phase === 'Succeeded'),
    running: (name, written) =>
      brought(name, 'printf %s "$WRITTEN"; sleep 3600', written, ({ status }) => status?.phase === 'Running'),
    // What happened so early was forgotten long ago.
    expiredVersion: () => Promise.resolve('1'),
    [Symbol.asyncDispose]: async () => {
      for (const close of open) await close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

/** Whether the main program runs or ran. */
async function hasBegun(admin: KubeApi, namespace: string, name: string, signal: AbortSignal): Promise<boolean> {
  const pod = await admin.get(PODS, namespace, name, { signal });
  return pod?.status?.phase !== undefined && pod.status.phase !== 'Pending';
}

export function realWorkflow(name: string, script: string, written = '', label = 'yes'): Workflow {
  const container = {
    name: 'main',
    image: IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c'],
    args: [script],
    env: [{ name: 'WRITTEN', value: written }],
  };
  return {
    metadata: { name, labels: { 'argo-api-contract': label } },
    spec: {
      entrypoint: 'main',
      serviceAccountName: 'ingestion',
      templates: [{ name: 'main', container }],
    },
  };
}

function ruleOf({ verb, group, resource, subresource }: AccessRight): Rule {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return { apiGroups: [group], resources: [name], verbs: [verb] };
}
