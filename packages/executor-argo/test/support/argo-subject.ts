import { systemClock, systemRandom } from '@runner/core';
import type { Executor } from '@runner/executor';
import { RUN_ID_LABEL } from '@runner/executor';
import type { ExecutorSubject } from '@runner/executor/testing';
import type { KubeApi, ResourceType } from '@runner/kube';
import { createKubeApi } from '@runner/kube';
import type { TestApiServer, TestCluster, TestRight } from '@runner/kube/testing';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { ArgoApi, ArgoExecutorOptions } from '../../src/index.ts';
import { WORKFLOWS, createArgoCrdApi, createArgoExecutor, createArgoServerApi } from '../../src/index.ts';
import type { TestArgoController, TestArgoServer } from '../../src/testing/index.ts';
import { startTestArgoController, startTestArgoServer } from '../../src/testing/index.ts';
import { testPods } from './workflow-input.ts';

export const NAMESPACE = 'runs';
/** A second of Kubernetes and Argo; grace and deadlines pass quickly. */
const SECOND_MS = 100;
const SERVICE_ACCOUNTS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};

export interface ArgoSubject extends ExecutorSubject {
  readonly server: TestApiServer;
  readonly cluster: TestCluster;
  readonly controller: TestArgoController;
  /** Undefined over the custom resources. */
  readonly argoServer: TestArgoServer | undefined;
  another(changes?: ArgoSubjectOptions): Promise<Executor>;
  /** Name of the Workflow of a run. */
  workflow(runId: string): string;
}

export interface ArgoSubjectOptions extends Partial<Omit<ArgoExecutorOptions, 'argo' | 'kube'>> {
  /** How Argo is spoken to. Default `crd`. */
  readonly transport?: 'crd' | 'server';
  /** Over a server: whether the API server can be reached as well. Default true. */
  readonly withPods?: boolean;
  /** Default: those of the administrator. */
  readonly rights?: readonly TestRight[];
}

/** An executor on an API server, a cluster, a workflow controller and, where asked for, an Argo Server in memory. */
export async function argoSubject(changes: ArgoSubjectOptions = {}): Promise<ArgoSubject> {
  const server = await startTestApiServer({ namespaces: [NAMESPACE], kinds: [SERVICE_ACCOUNTS] });
  server.put(SERVICE_ACCOUNTS, { metadata: { name: testPods.serviceAccountName, namespace: NAMESPACE } });
  const cluster = startTestCluster(server, { secondMs: SECOND_MS });
  const controller = startTestArgoController(server, { cluster, secondMs: SECOND_MS });
  const argoServer = changes.transport === 'server' ? await startTestArgoServer({ api: server }) : undefined;
  const executors: Executor[] = [];
  const clients: { close(): Promise<void> }[] = [];
  const make = (more: ArgoSubjectOptions = {}): Executor => {
    const { withPods = true, rights, timings, ...options } = { ...changes, ...more };
    const kube = kubeOf(server, rights);
    const argo = argoServer === undefined ? createArgoCrdApi({ kube }) : serverApi(argoServer, server.token(rights));
    clients.push(kube, argo);
    const executor = createArgoExecutor({
      argo,
      ...(withPods ? { kube } : {}),
      namespace: NAMESPACE,
      pods: { ...testPods, graceSeconds: 2 },
      clock: systemClock(),
      random: systemRandom(),
      ...options,
      timings: { lookFloorMs: 20, lookCapMs: 100, absenceMs: 0, ...timings },
    });
    executors.push(executor);
    return executor;
  };
  const workflow = (runId: string): string =>
    server.objects(WORKFLOWS, NAMESPACE).find(({ metadata }) => metadata?.labels?.[RUN_ID_LABEL] === runId)?.metadata
      ?.name ?? `no Workflow of ${runId}`;
  const executor = make();
  return {
    ...{ executor, server, cluster, controller, argoServer, workflow },
    listsAreFresh: argoServer === undefined,
    another: (more) => Promise.resolve(make(more)),
    print: (runId, bytes) => act(() => cluster.print(workflow(runId), bytes)),
    succeed: (runId) => act(() => cluster.exit(workflow(runId), 0)),
    fail: (runId, exitCode) => act(() => cluster.exit(workflow(runId), exitCode)),
    executions: (runId) => Promise.resolve(cluster.starts(workflow(runId))),
    resist: (runId) => act(() => controller.resist(workflow(runId))),
    outage: async () => {
      await argoServer?.stop();
      await server.stop();
      return async () => {
        await server.start();
        await argoServer?.start();
      };
    },
    remove: (runId) => act(() => server.delete(WORKFLOWS, NAMESPACE, workflow(runId))),
    [Symbol.asyncDispose]: async () => {
      for (const one of executors) await one.close();
      for (const client of clients) await client.close();
      await controller[Symbol.asyncDispose]();
      await argoServer?.[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function kubeOf(server: TestApiServer, rights: readonly TestRight[] | undefined): KubeApi {
  return createKubeApi({
    identity: server.identity(rights, NAMESPACE),
    clock: systemClock(),
    random: systemRandom(),
    retry: { floorMs: 5, capMs: 50 },
    callTimeoutMs: 1_000,
  });
}

function serverApi({ url }: TestArgoServer, token: string): ArgoApi {
  return createArgoServerApi({
    endpoint: url,
    token,
    clock: systemClock(),
    random: systemRandom(),
    retry: { floorMs: 5, capMs: 50 },
    callTimeoutMs: 1_000,
  });
}

async function act(work: () => void): Promise<void> {
  work();
  await Promise.resolve();
}
