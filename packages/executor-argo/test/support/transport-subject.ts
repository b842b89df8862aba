import { systemRandom } from '@runner/core';
import type { AccessRight, KubeApi } from '@runner/kube';
import { PODS } from '@runner/kube';
import type { TestApiServer, TestRight } from '@runner/kube/testing';
import { startTestApiServer } from '@runner/kube/testing';
import { createArgoCrdApi } from '../../src/transport/create-argo-crd-api.ts';
import { createArgoServerApi } from '../../src/transport/create-argo-server-api.ts';
import type { ArgoApi } from '../../src/transport/argo-api.ts';
import type { ArgoApiSubject } from '../../src/testing/argo-api-contract.ts';
import type { TestArgoServer } from '../../src/testing/argo-server.ts';
import { startTestArgoServer } from '../../src/testing/argo-server.ts';
import type { Workflow } from '../../src/workflow/objects.ts';
import { WORKFLOWS } from '../../src/workflow/objects.ts';
import { hurriedClock } from './hurried-clock.ts';

export const NAMESPACE = 'runs';
const QUICK_RETRIES = { floorMs: 2, capMs: 50 };

/** The Role of the official chart (what of it the executor uses, and the rest). */
export const OFFICIAL_RIGHTS: readonly TestRight[] = [
  { group: 'argoproj.io', resources: ['workflows', 'cronworkflows'], verbs: ['*'], namespace: NAMESPACE },
  { group: '', resources: ['pods', 'pods/log'], verbs: ['list', 'watch', 'patch', 'get'], namespace: NAMESPACE },
  { group: 'argoproj.io', resources: ['workflowtaskresults'], verbs: ['create', 'patch'], namespace: NAMESPACE },
  { group: 'argoproj.io', resources: ['workflowtemplates'], verbs: ['list'], namespace: NAMESPACE },
];

/** An Argo in memory, and both ways to it. */
export interface MemoryArgo extends AsyncDisposable {
  readonly api: TestApiServer;
  readonly server: TestArgoServer;
  /** A client of the Argo Server; closed with this. */
  client(rights?: readonly TestRight[]): ArgoApi;
}

export async function memoryArgo(): Promise<MemoryArgo> {
  const api = await startTestApiServer({ namespaces: [NAMESPACE], bookmarkMs: 500 });
  const server = await startTestArgoServer({ api, keepaliveMs: 200 });
  const clients: ArgoApi[] = [];
  return {
    api,
    server,
    client: (rights = OFFICIAL_RIGHTS) => {
      const argo = createArgoServerApi({
        endpoint: server.url,
        token: api.token(rights),
        clock: hurriedClock(10),
        random: systemRandom(),
        retry: QUICK_RETRIES,
      });
      clients.push(argo);
      return argo;
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of clients) await one.close();
      await server[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

export async function memorySubject(transport: 'server' | 'crd'): Promise<ArgoApiSubject> {
  const memory = await memoryArgo();
  const { api } = memory;
  const kubes: KubeApi[] = [];
  const withRights = (rights: readonly TestRight[]): ArgoApi => {
    if (transport === 'server') return memory.client(rights);
    const kube = api.api(rights, NAMESPACE);
    kubes.push(kube);
    return createArgoCrdApi({ kube });
  };
  const argo = withRights(OFFICIAL_RIGHTS);
  const brought = async (name: string, written: string, phase: string): Promise<void> => {
    const { object } = await argo.workflows.create(WORKFLOWS, NAMESPACE, workflow(name), {
      signal: AbortSignal.timeout(10_000),
    });
    api.put(WORKFLOWS, { ...object, status: { phase } });
    putPod(api, name, phase);
    const log = api.log(NAMESPACE, name, 'main');
    log.write(Buffer.from(written));
    if (phase === 'Succeeded') log.end();
  };
  return {
    argo,
    namespace: NAMESPACE,
    as: (rights) => Promise.resolve(withRights(rights.map(ruleOf))),
    workflow,
    succeeded: (name, written) => brought(name, written, 'Succeeded'),
    running: (name, written) => brought(name, written, 'Running'),
    expiredVersion: async () => {
      const signal = AbortSignal.timeout(10_000);
      const { resourceVersion } = await argo.workflows.list(WORKFLOWS, NAMESPACE, { signal });
      await argo.workflows.create(WORKFLOWS, NAMESPACE, workflow('later'), { signal });
      api.fault({ kind: 'expire' });
      return resourceVersion;
    },
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  };
}

export function putPod(api: TestApiServer, name: string, phase: string): void {
  api.put(PODS, {
    metadata: { name, namespace: NAMESPACE, labels: { 'workflows.argoproj.io/workflow': name } },
    spec: { containers: [{ name: 'main', image: 'docker.io/runner/busybox:1' }] },
    status: { phase, containerStatuses: [containerStatus(phase)] },
  });
}

function containerStatus(phase: string) {
  const state =
    phase === 'Succeeded'
      ? { terminated: { exitCode: 0, containerID: 'containerd://main' } }
      : phase === 'Pending'
        ? { waiting: { reason: 'PodInitializing' } }
        : { running: { startedAt: '2026-01-31T12:00:00Z' } };
  return { name: 'main', image: 'docker.io/runner/busybox:1', imageID: '', ready: false, restartCount: 0, state };
}

export function workflow(name: string, label = 'yes'): Workflow {
  return {
    metadata: { name, labels: { 'argo-api-contract': label } },
    spec: {
      entrypoint: 'main',
      templates: [{ name: 'main', container: { name: 'main', image: 'docker.io/runner/busybox:1', args: ['config'] } }],
    },
  };
}

function ruleOf({ verb, group, resource, subresource }: AccessRight): TestRight {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return { group, resources: [name], verbs: [verb], namespace: NAMESPACE };
}
