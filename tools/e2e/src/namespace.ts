import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster, Json, KubeObject, Kind, Removal } from './cluster.ts';
import { CLUSTER_PERMISSIONS, PERMISSIONS } from '@runner/executor-k8s';
import { eventually } from '@runner/faults';
import type { Permission } from '@runner/kube/runs';
import { LONG_MS } from './control.ts';

/** One rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const FULL = ['create', 'get', 'list', 'watch', 'delete', 'patch', 'update'] as const;
const SEEN = ['create', 'get', 'list', 'watch', 'delete'] as const;

/** What the official chart gives to the runner with Jobs. */
export const OFFICIAL_ROLE: readonly Rule[] = [
  { apiGroups: ['batch'], resources: ['jobs'], verbs: FULL },
  { apiGroups: [''], resources: ['pods', 'pods/log', 'pods/status'], verbs: SEEN },
  { apiGroups: [''], resources: ['configmaps'], verbs: FULL },
  { apiGroups: [''], resources: ['events'], verbs: ['get', 'list'] },
];

/** Rules that give exactly these rights. */
export const rulesOf = (permissions: readonly Omit<Permission, 'need'>[]): readonly Rule[] =>
  permissions.map(({ group, resource, subresource, verb }) => ({
    apiGroups: [group],
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    verbs: [verb],
  }));

/** Exactly the rights that the executor says it makes use of, in the namespace of the workloads. */
export const agentRules = (): readonly Rule[] => rulesOf(PERMISSIONS);

/** And those over the whole cluster that make something better, which nobody needs to give. */
export const clusterRules = (): readonly Rule[] => rulesOf(CLUSTER_PERMISSIONS);

/** Service account of the workloads. */
export const INGESTION_ACCOUNT = 'ingestion';

/** A namespace of a test, with the service account of the workloads. Gone with everything in it when disposed. */
export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
  create(kind: Kind, body: Json): Promise<KubeObject>;
  find(kind: Kind, name: string): Promise<KubeObject | undefined>;
  list(kind: Kind, labelSelector?: string): Promise<readonly KubeObject[]>;
  patch(kind: Kind, name: string, patch: Json, part?: string): Promise<KubeObject>;
  remove(kind: Kind, name: string, how?: Removal): Promise<void>;
  /** Asks for the eviction of a pod. */
  evict(pod: string): Promise<void>;
  /** The Job of a run, as soon as it is there. */
  job(runId: string): Promise<KubeObject>;
  /** The Workflow of a run, as soon as it is there. */
  workflow(runId: string): Promise<KubeObject>;
  /** The pod of a run, as soon as it is there. */
  pod(runId: string): Promise<KubeObject>;
  /** A service account with exactly these rights, as a kubeconfig in this folder; its path. Good for a day at most. */
  account(name: string, rules: readonly Rule[], folder: string): Promise<string>;
  /** Gives a service account that stands already more rights, by a Role of this name. */
  allow(account: string, role: string, rules: readonly Rule[]): Promise<void>;
  /** A token of a service account of this namespace. Good for a day at most. */
  token(account: string): Promise<string>;
  /** Gives an account of this namespace rights over the whole cluster, until the namespace is disposed. */
  grant(account: string, rules: readonly Rule[]): Promise<void>;
}

export async function createNamespace(
  cluster: Cluster,
  purpose: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<TestNamespace> {
  const name = `runner-${purpose}-${randomBytes(3).toString('hex')}`;
  await cluster.create('Namespace', undefined, { metadata: { name, labels } });
  const namespace = testNamespace(cluster, name);
  await namespace.create('ServiceAccount', { metadata: { name: INGESTION_ACCOUNT } });
  await bind(namespace, INGESTION_ACCOUNT, [
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] },
  ]);
  return namespace;
}

/** A view of a namespace that stands already; disposing it deletes the namespace. */
function testNamespace(cluster: Cluster, name: string): TestNamespace {
  const ofRun = async (kind: Kind, runId: string): Promise<KubeObject> =>
    await eventually(
      `there is a ${kind} of run ${runId}`,
      async () => (await cluster.list(kind, name, `app.kubernetes.io/run-id=${runId}`))[0],
      LONG_MS,
    );
  const granted: string[] = [];
  const namespace: TestNamespace = {
    name,
    create: (kind, body) => cluster.create(kind, name, body),
    find: (kind, object) => cluster.find(kind, name, object),
    list: (kind, selector) => cluster.list(kind, name, selector),
    patch: (kind, object, patch, part) => cluster.patch(kind, name, object, patch, part),
    remove: (kind, object, how) => cluster.remove(kind, name, object, how),
    evict: (pod) => cluster.evict(name, pod),
    job: (runId) => ofRun('Job', runId),
    workflow: (runId) => ofRun('Workflow', runId),
    pod: (runId) => ofRun('Pod', runId),
    account: async (account, rules, folder) => {
      await namespace.create('ServiceAccount', { metadata: { name: account } });
      await bind(namespace, account, rules);
      const path = join(folder, `${name}-${account}.kubeconfig`);
      const token = await cluster.token(name, account);
      await writeFile(path, kubeconfig(cluster, { namespace: name, account, token }), { mode: 0o600 });
      return path;
    },
    allow: (account, role, rules) => bind(namespace, account, rules, role),
    token: (account) => cluster.token(name, account),
    grant: async (account, rules) => {
      const role = `${name}-${account}`;
      await cluster.create('ClusterRole', undefined, { metadata: { name: role }, rules });
      granted.push(role);
      await cluster.create('ClusterRoleBinding', undefined, binding('ClusterRole', role, { namespace: name, account }));
    },
    [Symbol.asyncDispose]: async () => {
      await cluster.remove('Namespace', undefined, name);
      for (const role of granted.splice(0)) {
        await cluster.remove('ClusterRoleBinding', undefined, role);
        await cluster.remove('ClusterRole', undefined, role);
      }
    },
  };
  return namespace;
}

async function bind(
  namespace: TestNamespace,
  account: string,
  rules: readonly Rule[],
  role: string = account,
): Promise<void> {
  await namespace.create('Role', { metadata: { name: role }, rules });
  await namespace.create('RoleBinding', binding('Role', role, { namespace: namespace.name, account }));
}

function binding(
  kind: 'Role' | 'ClusterRole',
  name: string,
  { namespace, account }: { readonly namespace: string; readonly account: string },
): Json {
  return {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  };
}

function kubeconfig(
  cluster: Cluster,
  { namespace, account, token }: { readonly namespace: string; readonly account: string; readonly token: string },
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'tested',
        cluster: {
          server: cluster.server,
          'certificate-authority-data': Buffer.from(cluster.certificateAuthority).toString('base64'),
        },
      },
    ],
    users: [{ name: account, user: { token } }],
    contexts: [{ name: account, context: { cluster: 'tested', user: account, namespace } }],
    'current-context': account,
  });
}
