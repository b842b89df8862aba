import { systemClock, systemRandom } from '@runner/core';
import { RUN_ID_LABEL } from '@runner/executor';
import type { ExecutorSubject } from '@runner/executor/testing';
import type { KubeApi, ResourceType } from '@runner/kube';
import { JOBS, createKubeApi } from '@runner/kube';
import type { TestApiServer, TestCluster, TestRight } from '@runner/kube/testing';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { K8sExecutor, K8sExecutorOptions } from '../../src/index.ts';
import { createK8sExecutor } from '../../src/index.ts';
import { testSettings } from './objects.ts';

export const NAMESPACE = 'runs';

export interface MemorySubject extends ExecutorSubject {
  readonly executor: K8sExecutor;
  readonly server: TestApiServer;
  readonly cluster: TestCluster;
  another(changes?: MemoryOptions): Promise<K8sExecutor>;
  /** Name of the Job of a run. */
  job(runId: string): string;
}

export interface MemoryOptions extends Partial<K8sExecutorOptions> {
  /** Default: those of the administrator. */
  readonly rights?: readonly TestRight[];
  /** Whose Job conditions the cluster plays. Default `1.34`. */
  readonly conditions?: '1.28' | '1.34';
  /** More kinds of objects for the API server. */
  readonly kinds?: readonly ResourceType[];
}

const SERVICE_ACCOUNTS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};
/** A second of the API; grace and deadlines pass quickly. */
const SECOND_MS = 100;

/** An executor on an API server and a cluster in memory. */
export async function memorySubject(changes: MemoryOptions = {}): Promise<MemorySubject> {
  const server = await startTestApiServer({
    namespaces: [NAMESPACE],
    kinds: [SERVICE_ACCOUNTS, ...(changes.kinds ?? [])],
  });
  server.put(SERVICE_ACCOUNTS, { metadata: { name: testSettings.serviceAccountName, namespace: NAMESPACE } });
  const cluster = startTestCluster(server, {
    secondMs: SECOND_MS,
    ...(changes.conditions === undefined ? {} : { conditions: changes.conditions }),
  });
  const executors: K8sExecutor[] = [];
  const apis: KubeApi[] = [];
  const make = ({ rights, ...more }: MemoryOptions = {}): K8sExecutor => {
    const api = createKubeApi({
      identity: server.identity(rights ?? changes.rights, NAMESPACE),
      clock: systemClock(),
      random: systemRandom(),
      retry: { floorMs: 5, capMs: 50 },
      callTimeoutMs: 1_000,
    });
    apis.push(api);
    const executor = createK8sExecutor({
      api,
      namespace: NAMESPACE,
      pods: { ...testSettings, graceSeconds: 2 },
      clock: systemClock(),
      random: systemRandom(),
      ...changes,
      ...more,
      timings: { lookFloorMs: 20, lookCapMs: 100, ...changes.timings, ...more.timings },
    });
    executors.push(executor);
    return executor;
  };
  const job = (runId: string): string => {
    const found = server.objects(JOBS, NAMESPACE).find(({ metadata }) => metadata?.labels?.[RUN_ID_LABEL] === runId);
    return found?.metadata?.name ?? `no Job of ${runId}`;
  };
  return {
    executor: make(),
    server,
    cluster,
    job,
    another: (more) => Promise.resolve(make(more)),
    print: (runId, bytes) => act(() => cluster.print(job(runId), bytes)),
    succeed: (runId) => act(() => cluster.exit(job(runId), 0)),
    fail: (runId, exitCode) => act(() => cluster.exit(job(runId), exitCode)),
    executions: (runId) => Promise.resolve(cluster.starts(job(runId))),
    resist: (runId) => act(() => cluster.resist(job(runId))),
    outage: async () => {
      await server.stop();
      return () => server.start();
    },
    remove: (runId) => act(() => server.delete(JOBS, NAMESPACE, job(runId))),
    [Symbol.asyncDispose]: async () => {
      for (const executor of executors) await executor.close();
      for (const api of apis) await api.close();
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function act(work: () => void): Promise<void> {
  work();
  await Promise.resolve();
}
