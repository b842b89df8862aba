import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@runner/core';
import type { ExecutorSubject } from '@runner/executor/testing';
import type { ConfigDeliveryMode, K8sExecutor } from '@runner/executor-k8s';
import { createK8sExecutor } from '@runner/executor-k8s';
import type { KubeApi, PodSettings } from '@runner/kube';
import { createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import type { Rule, TestNamespace } from '../../src/index.ts';
import {
  INGESTION_ACCOUNT,
  WORKLOAD_IMAGE,
  controlServer,
  createNamespace,
  hostForPods,
  kubeconfigOfTests,
  openCluster,
} from '../../src/index.ts';
import { apiGate } from './api-gate.ts';
import { controlsOf } from './controlled-subject.ts';

export interface K8sSubject extends ExecutorSubject {
  readonly executor: K8sExecutor;
  readonly namespace: TestNamespace;
}

/** An executor on a namespace of its own of the real cluster, as an account with exactly these rights. */
export async function k8sSubject(rules: readonly Rule[], delivery: ConfigDeliveryMode = 'auto'): Promise<K8sSubject> {
  const cluster = openCluster(kubeconfigOfTests());
  const control = await controlServer({ host: await hostForPods(process.env) });
  const namespace = await createNamespace(cluster, 'contract');
  const gate = await apiGate(cluster.server);
  const folder = await mkdtemp(join(tmpdir(), 'k8s-contract-'));
  const kubeconfig = await readFile(await namespace.account('agent', rules, folder), 'utf8');
  const clock = systemClock();
  const identity = await kubeconfigIdentity({ text: kubeconfig.replace(cluster.server, gate.server), clock });
  const apis: KubeApi[] = [];
  const executors: K8sExecutor[] = [];
  const make = (): K8sExecutor => {
    const api = createKubeApi({ identity, clock, random: systemRandom(), callTimeoutMs: 3_000 });
    const executor = createK8sExecutor({
      api,
      namespace: namespace.name,
      pods: podSettings(control.variable),
      delivery,
      clock,
      random: systemRandom(),
    });
    apis.push(api);
    executors.push(executor);
    return executor;
  };
  return {
    executor: make(),
    namespace,
    another: () => Promise.resolve(make()),
    ...controlsOf(control, gate),
    remove: async (runId) => {
      const job = await namespace.job(runId);
      await namespace.remove('Job', job.metadata.name);
    },
    [Symbol.asyncDispose]: async () => {
      for (const executor of executors) await executor.close();
      for (const api of apis) await api.close();
      // Programs end when their control does.
      await control[Symbol.asyncDispose]();
      await gate[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function podSettings(variable: { readonly name: string; readonly value: string }): PodSettings {
  const small = { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '1', memory: '256Mi' } };
  return {
    image: { image: WORKLOAD_IMAGE },
    serviceAccountName: INGESTION_ACCOUNT,
    graceSeconds: 2,
    extraEnvironment: [variable],
    scheduling: {
      variable: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
      types: { placements: new Map(), problems: [] },
      ingestion: [{ source: 'test', value: { resources: small } }],
      automation: [],
    },
  };
}
