import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@runner/core';
import type { Executor } from '@runner/executor';
import type { ExecutorSubject } from '@runner/executor/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { ArgoApi } from '@runner/executor-argo';
import { createArgoCrdApi, createArgoExecutor, createArgoServerApi } from '@runner/executor-argo';
import type { KubeApi } from '@runner/kube';
import { createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import type { ArgoAccess, ArgoTransport } from '../../src/index.ts';
import {
  argoAccess,
  argoRules,
  argoServerUrl,
  controlServer,
  createNamespace,
  hostForPods,
  kubeconfigOfTests,
  openCluster,
} from '../../src/index.ts';
import { apiGate } from './api-gate.ts';
import { controlsOf } from './controlled-subject.ts';
import { podSettings } from './k8s-subject.ts';

const clock = systemClock();
const random = systemRandom();
/** Absence over Argo Server is believed after a minute; here nobody waits so long. */
const ABSENCE_MS = 2_000;

interface Clients {
  readonly argo: ArgoApi;
  readonly kube: KubeApi;
}

/** An executor on a namespace of its own of the real Argo, with as few rights as there may be. */
export async function argoSubject(transport: ArgoTransport): Promise<ExecutorSubject> {
  const cluster = openCluster(kubeconfigOfTests());
  const control = await controlServer({ host: await hostForPods(process.env) });
  const namespace = await createNamespace(cluster, `argo-contract-${transport}`);
  const gate = await apiGate(transport === 'server' ? argoServerUrl() : cluster.server);
  const folder = await mkdtemp(join(tmpdir(), 'argo-contract-'));
  const access = await argoAccess(namespace, argoRules(transport), folder);
  const open: { close(): Promise<void> }[] = [];
  const watches: Promise<void>[] = [];
  const make = async (): Promise<Executor> => {
    const { argo, kube } =
      transport === 'server'
        ? await overServer(gate.server, access)
        : await overCrd(cluster.server, gate.server, access);
    const executor = createArgoExecutor({
      ...{ argo, kube, clock, random },
      namespace: namespace.name,
      pods: podSettings(control.variable),
      timings: { absenceMs: ABSENCE_MS },
    });
    open.unshift(executor, argo, kube);
    // As the agent does: whoever watches ends what does not end by itself.
    watches.push(executor.watch(testRunSpec().owner, () => undefined, new AbortController().signal));
    return executor;
  };
  return {
    executor: await make(),
    listsAreFresh: transport === 'crd',
    another: make,
    ...controlsOf(control, gate),
    remove: async (runId) => {
      const workflow = await namespace.workflow(runId);
      await namespace.remove('Workflow', workflow.metadata.name);
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of open) await one.close();
      await Promise.all(watches);
      // Programs end when their control does.
      await control[Symbol.asyncDispose]();
      await gate[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Argo Server, and the API server as the holder of the same token: as the chart does it. */
async function overServer(endpoint: string, { tokenFile, kubeconfig }: ArgoAccess): Promise<Clients> {
  const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
  return {
    argo: createArgoServerApi({ endpoint, tokenFile, clock, random, callTimeoutMs: 15_000 }),
    kube: createKubeApi({ identity, clock, random, callTimeoutMs: 15_000 }),
  };
}

async function overCrd(server: string, door: string, { kubeconfig }: ArgoAccess): Promise<Clients> {
  const text = (await readFile(kubeconfig, 'utf8')).replace(server, door);
  const identity = await kubeconfigIdentity({ text, clock });
  const kube = createKubeApi({ identity, clock, random, callTimeoutMs: 15_000 });
  return { argo: createArgoCrdApi({ kube }), kube };
}
