import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUN_ID_LABEL } from '@runner/executor';
import { JOBS, PODS } from '@runner/kube';
import type { Job, ResourceType } from '@runner/kube';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { TestApiServer, TestCluster } from '@runner/kube/testing';
import { temporaryFolder } from './folder.ts';
import { changes, until } from './waiting.ts';

export const NAMESPACE = 'ingestion';
const SERVICE_ACCOUNTS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};

/** A Kubernetes in memory, and how an agent process gets to it. */
export interface TestKubernetes extends AsyncDisposable {
  readonly server: TestApiServer;
  readonly cluster: TestCluster;
  /** For an agent that makes Jobs there. */
  readonly env: Readonly<Record<string, string>>;
  /** Jobs that stand and have not ended. */
  live(): number;
  /** Resolves with the name of the Job of this run once its program runs. */
  running(runId: string): Promise<string>;
  /** Resolves with the name of a Job, be it of a run or not, once its program runs. */
  started(name: RegExp): Promise<string>;
  /** From now on every program ends as soon as it began. */
  endAtOnce(): void;
  /** Called after every change of a Job. */
  onJob(look: () => void): void;
}

export async function testKubernetes(): Promise<TestKubernetes> {
  const folder = temporaryFolder();
  const server = await startTestApiServer({ namespaces: [NAMESPACE] });
  server.put(SERVICE_ACCOUNTS, { metadata: { namespace: NAMESPACE, name: 'ingestion' } });
  const cluster = startTestCluster(server, { secondMs: 50 });
  const news = changes();
  server.onChange(() => queueMicrotask(news.changed));
  const kubeconfig = join(folder.path, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig(undefined, NAMESPACE), { mode: 0o600 });
  return {
    server,
    cluster,
    env: { EXECUTOR_TYPE: 'simpleK8s', KUBECONFIG: kubeconfig, INGESTION_IMAGE: 'example.test/ingestion:1' },
    live: () => server.objects(JOBS).filter((job) => !isOver(job)).length,
    running: (runId) =>
      until(`the program of ${runId} runs`, news, () => {
        const job = server.objects(JOBS).find(({ metadata }) => metadata?.labels?.[RUN_ID_LABEL] === runId);
        const name = job?.metadata?.name;
        return name !== undefined && cluster.starts(name) > 0 ? name : undefined;
      }),
    started: (name) =>
      until(`a Job ${String(name)} runs`, news, () =>
        server
          .objects(JOBS)
          .map(({ metadata }) => metadata?.name ?? '')
          .find((each) => name.test(each) && cluster.starts(each) > 0),
      ),
    endAtOnce: () => {
      server.onChange((type, event, { metadata }) => {
        const name = metadata?.labels?.['job-name'];
        if (type.kind === PODS.kind && event === 'ADDED' && name !== undefined) cluster.exit(name, 0);
      });
    },
    onJob: (look) => {
      server.onChange((type) => {
        if (type.kind === JOBS.kind) look();
      });
    },
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const isOver = ({ status }: Job): boolean =>
  (status?.conditions ?? []).some(
    ({ type, status: state }) => ['Complete', 'Failed'].includes(type) && state === 'True',
  );
