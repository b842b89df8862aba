import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RUN_ID_LABEL } from '@runner/executor';
import type { Workflow } from '@runner/executor-argo';
import { WORKFLOWS } from '@runner/executor-argo';
import { startTestArgoController, startTestArgoServer } from '@runner/executor-argo/testing';
import type { TestArgoController, TestArgoServer } from '@runner/executor-argo/testing';
import { JOBS } from '@runner/kube';
import type { Job } from '@runner/kube';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { TestApiServer, TestCluster } from '@runner/kube/testing';
import { eventually } from '../../src/waiting.ts';

/** Seconds of Kubernetes (deadlines, graces) in milliseconds: nobody waits ten seconds for a grace. */
const SECOND_MS = 50;

/** A Kubernetes in memory for the agents of a test file, which are processes of their own. */
export interface JobsPlace extends AsyncDisposable {
  readonly server: TestApiServer;
  readonly cluster: TestCluster;
  readonly argo: TestArgoController;
  readonly argoServer: TestArgoServer;
  /** For agents that make Jobs in this namespace; over the usual environment. */
  environment(namespace?: string): Promise<Readonly<Record<string, string>>>;
  /** For agents that make Workflows there, through the Kubernetes API. */
  argoEnvironment(namespace?: string): Promise<Readonly<Record<string, string>>>;
  /** The same through an Argo Server, and nothing beside it. */
  argoServerEnvironment(namespace?: string): Readonly<Record<string, string>>;
  /** All Workflows of a run that stand. */
  workflows(runId: string): readonly Workflow[];
  /** Name of the Workflow of a run, and of its pod, once its `main` runs. */
  runningWorkflow(runId: string): Promise<string>;
  /** All Jobs of a run that stand. */
  jobs(runId: string): readonly Job[];
  /** Name of the Job of a run, as soon as it is there. */
  job(runId: string): Promise<string>;
  /** The same once its `main` runs. */
  running(runId: string): Promise<string>;
  /** How often a program began for this run, in Jobs or Workflows that stand or stood. */
  executions(runId: string): number;
}

export const NAMESPACE = 'ingestion';

export async function openJobsPlace(folder: string): Promise<JobsPlace> {
  const server = await startTestApiServer({ namespaces: [NAMESPACE] });
  const cluster = startTestCluster(server, { secondMs: SECOND_MS });
  const argo = startTestArgoController(server, { cluster, secondMs: SECOND_MS });
  const argoServer = await startTestArgoServer({ api: server });
  const seen = new Map<string, Set<string>>();
  const stopListening = server.onChange((type, _event, { metadata }) => {
    const runId = metadata?.labels?.[RUN_ID_LABEL];
    if (![JOBS.kind, WORKFLOWS.kind].includes(type.kind) || runId === undefined || metadata?.name === undefined) return;
    seen.set(runId, (seen.get(runId) ?? new Set()).add(metadata.name));
  });
  const jobs: JobsPlace['jobs'] = (runId) =>
    server.objects(JOBS).filter(({ metadata }) => metadata?.labels?.[RUN_ID_LABEL] === runId);
  const job: JobsPlace['job'] = (runId) =>
    eventually(`there is a Job of ${runId}`, () => jobs(runId)[0]?.metadata?.name);
  const executions: JobsPlace['executions'] = (runId) =>
    [...(seen.get(runId) ?? [])].reduce((sum, name) => sum + cluster.starts(name), 0);
  const environment: JobsPlace['environment'] = async (namespace = NAMESPACE) => {
    const path = join(folder, `${namespace}.kubeconfig`);
    await writeFile(path, server.kubeconfig(undefined, namespace), { mode: 0o600 });
    return {
      EXECUTOR_TYPE: 'simpleK8s',
      KUBECONFIG: path,
      INGESTION_IMAGE: 'example.test/ingestion:1',
      CONFIG_DELIVERY: 'inline',
      LOCAL_EXECUTOR_DIR: '',
      INGESTION_COMMAND: '',
    };
  };
  const workflows: JobsPlace['workflows'] = (runId) =>
    server.objects(WORKFLOWS).filter(({ metadata }) => metadata?.labels?.[RUN_ID_LABEL] === runId);
  return {
    ...{ server, cluster, argo, argoServer, environment, workflows },
    argoEnvironment: async (namespace) => ({
      ...(await environment(namespace)),
      ...{ EXECUTOR_TYPE: 'argo', CONFIG_DELIVERY: '' },
    }),
    argoServerEnvironment: (namespace = NAMESPACE) => ({
      EXECUTOR_TYPE: 'argo',
      KUBECONFIG: '',
      PIPELINE_SERVICE_CLIENT_ENDPOINT: argoServer.url,
      ARGO_TOKEN: server.token(),
      ARGO_TEST_CONNECTION_BACKOFF_TIME: '0.1',
      INGESTION_NAMESPACE: namespace,
      INGESTION_IMAGE: 'example.test/ingestion:1',
      LOCAL_EXECUTOR_DIR: '',
      INGESTION_COMMAND: '',
    }),
    runningWorkflow: async (runId) => {
      const name = await eventually(`there is a Workflow of ${runId}`, () => workflows(runId)[0]?.metadata?.name);
      await eventually(`the program of ${runId} runs`, () => cluster.starts(name) > 0);
      return name;
    },
    jobs,
    job,
    running: async (runId) => {
      const name = await job(runId);
      await eventually(`the program of ${runId} runs`, () => cluster.starts(name) > 0);
      return name;
    },
    executions,
    [Symbol.asyncDispose]: async () => {
      stopListening();
      await argoServer[Symbol.asyncDispose]();
      await argo[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
