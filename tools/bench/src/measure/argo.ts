import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemRandom } from '@runner/core';
import { WORKFLOWS } from '@runner/executor-argo';
import { createKubeApi } from '@runner/kube';
import type { KubeApi, KubeObject, ResourceType } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import type { BenchContext } from '../bench.ts';
import type { ArgoPlace } from '../children/argo-place.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';
import { openRealKubernetes } from './kubernetes.ts';

const AT_ONCE = 32;
const REST_MS = 1_000;
const LOOK_EVERY_MS = 200;
const NAMESPACE = 'ingestion';

/** An Argo to measure against, with a namespace of its own. */
export interface BenchArgo extends AsyncDisposable {
  /** For the reader: which one it is. */
  readonly what: string;
  readonly kubeconfig: string;
  readonly endpoint: string;
  readonly token: string;
  readonly namespace: string;
  /** Deletes the Workflows of the namespace, or those with these labels, and waits until they are gone. */
  removeWorkflows(labelSelector?: string): Promise<void>;
}

/** The one in memory, and what only it can be asked. */
export interface MemoryArgo extends BenchArgo {
  readonly server: Child<ArgoPlace>;
}

/** The real Argo of the cluster that KUBECONFIG names; without it the one in memory. */
export async function benchArgo(folder: string, context: BenchContext): Promise<BenchArgo> {
  if ((process.env['KUBECONFIG'] ?? '') === '') return await memoryArgo(folder, context);
  const { what, kubeconfig, namespace, api, [Symbol.asyncDispose]: dispose } = await openRealKubernetes(context);
  const endpoint = process.env['ARGO_SERVER_URL'] ?? 'http://127.0.0.1:2746';
  return {
    what: `${what}, and the Argo Server in front of it`,
    ...{ kubeconfig, endpoint, namespace },
    token: await accountToken(api, namespace, context),
    removeWorkflows: (selector) => removeWorkflows(api, namespace, selector, context),
    [Symbol.asyncDispose]: dispose,
  };
}

export async function memoryArgo(folder: string, context: BenchContext): Promise<MemoryArgo> {
  const server = startChild<ArgoPlace>('children/argo-place.ts', context.signal);
  const { kubeconfig: text, endpoint, token } = await server.ask('listen', NAMESPACE);
  const kubeconfig = join(folder, 'argo.kubeconfig');
  await writeFile(kubeconfig, text, { mode: 0o600 });
  const { clock } = context;
  const api = createKubeApi({
    identity: await kubeconfigIdentity({ path: kubeconfig, clock }),
    clock,
    random: systemRandom(),
  });
  return {
    what: 'the API server and the Argo Server in memory, a process of their own',
    ...{ kubeconfig, endpoint, token, server, namespace: NAMESPACE },
    removeWorkflows: (selector) => removeWorkflows(api, NAMESPACE, selector, context),
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

type Any = KubeObject & { readonly [field: string]: unknown };
const type = (apiVersion: string, kind: string, plural: string): ResourceType<Any> => ({
  ...{ apiVersion, kind, plural },
  namespaced: true,
});

/** A token of an account that may do everything with Workflows there. */
async function accountToken(api: KubeApi, namespace: string, { signal }: BenchContext): Promise<string> {
  const name = 'bench';
  const rbac = 'rbac.authorization.k8s.io';
  const create = (of: ResourceType<Any>, object: Any) => api.create(of, namespace, object, { signal });
  await create(type('v1', 'ServiceAccount', 'serviceaccounts'), { metadata: { name } });
  const rules = [{ apiGroups: ['argoproj.io'], resources: ['workflows'], verbs: ['*'] }];
  await create(type(`${rbac}/v1`, 'Role', 'roles'), { metadata: { name }, rules });
  await create(type(`${rbac}/v1`, 'RoleBinding', 'rolebindings'), {
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
  const requests = type('authentication.k8s.io/v1', 'TokenRequest', `serviceaccounts/${name}/token`);
  // An address of the core group with a kind of another one.
  const { object } = await api.create(
    { ...requests, apiVersion: 'v1' },
    namespace,
    {
      ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
      metadata: { name },
    },
    { signal },
  );
  return (object['status'] as { readonly token: string }).token;
}

async function removeWorkflows(
  api: KubeApi,
  namespace: string,
  labelSelector: string | undefined,
  { clock, signal }: BenchContext,
): Promise<void> {
  const selected = labelSelector === undefined ? {} : { labelSelector };
  const names = async (): Promise<string[]> => {
    const keep = ({ metadata }: KubeObject): string => metadata?.name ?? '';
    const { items } = await api.list(WORKFLOWS, namespace, { signal, keep, ...selected });
    return [...items];
  };
  const left = await names();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        await api.delete(WORKFLOWS, namespace, name, { signal, propagation: 'Background' });
      }
    }),
  );
  while ((await names()).length > 0) await clock.sleep(LOOK_EVERY_MS, signal);
  await clock.sleep(REST_MS, signal);
}
