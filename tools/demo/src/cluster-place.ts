import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { KubeObject, TestNamespace } from '@runner/e2e';
import {
  INGESTION_ACCOUNT,
  WORKLOAD_IMAGE,
  agentRules,
  createNamespace,
  isOurCluster,
  openCluster,
  packImage,
} from '@runner/e2e';
import type { DemoOptions } from './demo.ts';

/** Where the demo's Jobs run: a namespace of its own, gone with everything in it when disposed. */
export interface ClusterPlace extends AsyncDisposable {
  readonly namespace: string;
  /** Address of the API server. */
  readonly server: string;
  /** For the agent: runs are Jobs here, secrets are Secrets. */
  readonly executor: Readonly<Record<string, string>>;
  putSecret(id: string, value: string): Promise<void>;
  /** A line for each Job: how it ended and where its pod ran. */
  jobs(signal: AbortSignal): Promise<readonly string[]>;
}

export async function openPlace({ env, folder, screen, clock }: DemoOptions): Promise<ClusterPlace> {
  const kubeconfig = env['KUBECONFIG'] ?? '';
  if (kubeconfig === '') {
    throw new RunnerError('demo_cluster', 'KUBECONFIG names no cluster', {
      hint: 'on a bare Linux machine tools/cluster/cluster up brings one up and says which KUBECONFIG to set',
    });
  }
  const cluster = openCluster(kubeconfig);
  const image = await imageFor(kubeconfig, env);
  const leftover = join(folder.root, 'namespace');
  const former = await readFile(leftover, 'utf8').catch(() => '');
  if (former !== '') {
    screen.say(`Removing the namespace ${former} that a killed demo left behind`);
    await cluster.remove('Namespace', undefined, former);
  }
  const namespace = await createNamespace(cluster, 'demo');
  await writeFile(leftover, namespace.name);
  const account = await namespace.account('runner', agentRules(), folder.secrets);
  return {
    namespace: namespace.name,
    server: cluster.server,
    executor: executorIn(namespace.name, account, image),
    putSecret: async (id, value) => {
      await namespace.create('Secret', { metadata: { name: id }, stringData: { value } });
    },
    jobs: async (stopping) => {
      const jobs = await endedJobs(namespace, clock, stopping);
      return (await Promise.all(jobs.map((job) => jobLines(namespace, job)))).flat();
    },
    [Symbol.asyncDispose]: async () => {
      await namespace[Symbol.asyncDispose]();
      await rm(leftover, { force: true });
    },
  };
}

/** On our own cluster the image is loaded onto the node; elsewhere somebody has put it where nodes find it. */
async function imageFor(kubeconfig: string, env: DemoOptions['env']): Promise<string> {
  const configured = env['INGESTION_IMAGE'] ?? '';
  if (configured !== '') return configured;
  if (isOurCluster(kubeconfig, env)) {
    await packImage({ load: true });
    return WORKLOAD_IMAGE;
  }
  throw new RunnerError('demo_cluster', 'the nodes of this cluster need the image of the demo', {
    hint: 'pack it with npm run image --workspace @runner/e2e -- OUT.tar, load it into the nodes or a registry, and name it with INGESTION_IMAGE',
  });
}

function executorIn(namespace: string, kubeconfig: string, image: string): Record<string, string> {
  return {
    EXECUTOR_TYPE: 'simpleK8s',
    KUBECONFIG: kubeconfig,
    // The control plane listens where pods reach it, without TLS.
    ALLOW_INSECURE_TRANSPORT: 'true',
    INGESTION_NAMESPACE: namespace,
    INGESTION_SERVICE_ACCOUNT_NAME: INGESTION_ACCOUNT,
    INGESTION_IMAGE: image,
    DYNAMIC_INGESTION_VERSION_ENABLED: 'false',
    INGESTION_CPU_REQUEST: '50m',
    INGESTION_MEMORY_REQUEST: '128Mi',
    INGESTION_MEMORY_LIMIT: '512Mi',
    SECRETS_MANAGER: 'kubernetes',
  };
}

const LOOK_EVERY_MS = 200;
/** A program tells how it ended some seconds before Kubernetes has counted it. */
const COUNTED_WITHIN_MS = 20_000;

async function endedJobs(namespace: TestNamespace, clock: Clock, signal: AbortSignal): Promise<readonly KubeObject[]> {
  const deadline = clock.monotonic() + COUNTED_WITHIN_MS;
  for (;;) {
    const jobs = await namespace.list('Job');
    if (jobs.every((job) => states(job).length > 0) || clock.monotonic() >= deadline) return jobs;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

function states({ status }: KubeObject): readonly string[] {
  const conditions = (status?.['conditions'] ?? []) as readonly { type: string; status: string }[];
  return conditions
    .filter(
      (condition) => condition.status === 'True' && (condition.type === 'Complete' || condition.type === 'Failed'),
    )
    .map(({ type }) => type);
}

async function jobLines(namespace: TestNamespace, job: KubeObject): Promise<readonly string[]> {
  const { name } = job.metadata;
  const pods = await namespace.list('Pod', `job-name=${name}`);
  return [
    `Job ${name}: ${states(job)[0] ?? 'not over yet'}`,
    ...pods.map((pod) => `Pod ${pod.metadata.name} on node ${String(pod.spec?.['nodeName'])}`),
  ];
}
