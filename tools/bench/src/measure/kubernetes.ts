import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemRandom } from '@runner/core';
import { JOBS, PODS, createKubeApi } from '@runner/kube';
import type { KubeApi, ResourceType } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import type { BenchContext } from '../bench.ts';
import type { ApiServer } from '../children/api-server.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';

const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const REMOVED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 200;
const REST_MS = 1_000;

/** An API server to measure against, with a namespace of its own in it. */
export interface BenchKubernetes extends AsyncDisposable {
  /** For the reader: which one it is. */
  readonly what: string;
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly api: KubeApi;
  /** Deletes the Jobs of the namespace, and waits until they and their pods are gone. */
  removeJobs(): Promise<void>;
}

/** The real API server that KUBECONFIG names; without it the one in memory, as a process of its own. */
export async function benchKubernetes(folder: string, context: BenchContext): Promise<BenchKubernetes> {
  const path = process.env['KUBECONFIG'] ?? '';
  if (path !== '') return await openRealKubernetes(context);
  const memory = await memoryKubernetes(folder, context);
  return { ...memory, [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose]() };
}

/** The one in memory, and what only it can be asked. */
export interface MemoryKubernetes extends BenchKubernetes {
  readonly server: Child<ApiServer>;
}

export async function memoryKubernetes(folder: string, context: BenchContext): Promise<MemoryKubernetes> {
  const server = startChild<ApiServer>('children/api-server.ts', context.signal);
  const kubeconfig = join(folder, 'memory.kubeconfig');
  const namespace = 'ingestion';
  await writeFile(kubeconfig, await server.ask('listen', namespace), { mode: 0o600 });
  const api = await apiOf(kubeconfig, context);
  return {
    what: 'the API server in memory, a process of its own',
    kubeconfig,
    namespace,
    api,
    server,
    removeJobs: () => removeJobs(api, namespace, context),
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The one that KUBECONFIG names, which must be there. */
export async function openRealKubernetes(context: BenchContext): Promise<BenchKubernetes> {
  const kubeconfig = process.env['KUBECONFIG'] ?? '';
  const { signal } = context;
  const api = await apiOf(kubeconfig, context);
  const version = await api.version({ signal });
  const namespace = `runner-bench-${randomBytes(3).toString('hex')}`;
  await api.create(NAMESPACES, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
  return {
    what: `the API server of KUBECONFIG, Kubernetes ${version}`,
    kubeconfig,
    namespace,
    api,
    removeJobs: () => removeJobs(api, namespace, context),
    [Symbol.asyncDispose]: async () => {
      await api.delete(NAMESPACES, '', namespace, { signal: AbortSignal.timeout(REMOVED_WITHIN_MS) });
      await api.close();
    },
  };
}

async function apiOf(path: string, { clock }: BenchContext): Promise<KubeApi> {
  return createKubeApi({ identity: await kubeconfigIdentity({ path, clock }), clock, random: systemRandom() });
}

const AT_ONCE = 32;

async function removeJobs(api: KubeApi, namespace: string, { clock, signal }: BenchContext): Promise<void> {
  const names = async (): Promise<string[]> => {
    const { items } = await api.list(JOBS, namespace, { signal, keep: ({ metadata }) => metadata?.name ?? '' });
    return [...items];
  };
  const left = await names();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        await api.delete(JOBS, namespace, name, { signal, propagation: 'Background' });
      }
    }),
  );
  const pods = async (): Promise<number> => (await api.list(PODS, namespace, { signal, keep: () => 0 })).items.length;
  while ((await names()).length + (await pods()) > 0) await clock.sleep(LOOK_EVERY_MS, signal);
  // Controllers still have events to write.
  await clock.sleep(REST_MS, signal);
}
