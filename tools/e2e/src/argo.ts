import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CRD_PERMISSIONS } from '@runner/executor-argo';
import { eventually } from '@runner/faults';
import type { Cluster, KubeObject } from './cluster.ts';
import { LONG_MS } from './control.ts';
import type { Rule, TestNamespace } from './namespace.ts';
import { INGESTION_ACCOUNT, rulesOf } from './namespace.ts';

/** How an agent reaches Argo: through its server, or through the custom resources alone. */
export type ArgoTransport = 'server' | 'crd';

/** The account of the official chart under which a runner speaks to Argo. */
export const ARGO_ACCOUNT = 'argowf-client';

const FULL = ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete', 'deletecollection'] as const;

/** What the official chart gives to that account. */
export const OFFICIAL_ARGO_ROLE: readonly Rule[] = [
  { apiGroups: ['argoproj.io'], resources: ['workflows', 'cronworkflows'], verbs: FULL },
  { apiGroups: ['argoproj.io'], resources: ['workflowtemplates'], verbs: ['list'] },
  { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['list', 'watch', 'patch', 'get'] },
];

/** As few rights as there may be: over Argo Server those of the official chart, else exactly those the executor lists. */
export const argoRules = (transport: ArgoTransport): readonly Rule[] =>
  transport === 'server' ? OFFICIAL_ARGO_ROLE : rulesOf(CRD_PERMISSIONS);

/** What pods of Workflows need besides: Argo's own container in them writes down how `main` ended. */
export const WORKFLOW_RULES: readonly Rule[] = [
  { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] },
];

/** Address of the Argo Server: `ARGO_SERVER_URL`, else that of tools/cluster. */
export function argoServerUrl(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const configured = env['ARGO_SERVER_URL'] ?? '';
  return configured === '' ? 'http://127.0.0.1:2746' : configured;
}

const SERVER_PATIENCE_MS = 5_000;

/** Why there can be no tests with Workflows here; undefined when there can. */
export async function lackOfArgo(cluster: Pick<Cluster, 'find'>, server: string): Promise<string | undefined> {
  const definition = await cluster.find('CustomResourceDefinition', undefined, 'workflows.argoproj.io');
  if (definition === undefined) return 'The cluster lacks Argo Workflows (workflows.argoproj.io).';
  try {
    // Whoever answers, and whatever: what is wrong with it is for the tests to say.
    await fetch(`${server}/api/v1/version`, { signal: AbortSignal.timeout(SERVER_PATIENCE_MS) });
    return undefined;
  } catch {
    return `No Argo Server answers at ${server} (ARGO_SERVER_URL).`;
  }
}

export interface ArgoAccess {
  readonly kubeconfig: string;
  /** File with the token for Argo Server; may be written anew. */
  readonly tokenFile: string;
}

/** Makes a namespace ready for Workflows: the account of the runner with exactly these rights, and those of the pods. */
export async function argoAccess(
  namespace: TestNamespace,
  rules: readonly Rule[],
  folder: string,
): Promise<ArgoAccess> {
  const kubeconfig = await namespace.account(ARGO_ACCOUNT, rules, folder);
  await namespace.allow(INGESTION_ACCOUNT, `${INGESTION_ACCOUNT}-workflows`, WORKFLOW_RULES);
  const tokenFile = join(folder, `${namespace.name}-argo.token`);
  await writeFile(tokenFile, await namespace.token(ARGO_ACCOUNT), { mode: 0o600 });
  return { kubeconfig, tokenFile };
}

/** For agents with the executor argo; over the usual environment. */
export function argoEnvironment(transport: ArgoTransport, { kubeconfig, tokenFile }: ArgoAccess) {
  return transport === 'crd'
    ? { EXECUTOR_TYPE: 'argo', KUBECONFIG: kubeconfig }
    : {
        EXECUTOR_TYPE: 'argo',
        // This machine is no pod: beside the server there is no way to the cluster unless a test gives one.
        KUBECONFIG: '',
        PIPELINE_SERVICE_CLIENT_ENDPOINT: argoServerUrl(),
        ARGO_TOKEN_FILE: tokenFile,
        ARGO_TEST_CONNECTION_BACKOFF_TIME: '0.5',
      };
}

/** Pods of the exit step of a run. */
export const exitStepPods = (namespace: TestNamespace, runId: string): Promise<readonly KubeObject[]> =>
  namespace.list('Pod', `app.kubernetes.io/run-id=${runId},omjob.pipelines.openmetadata.org/pod-type=exit-handler`);

/** The `pipelineStatus` that the exit step of a run was told, as soon as it says so. */
export async function toldExitStep(cluster: Cluster, namespace: TestNamespace, runId: string): Promise<string> {
  return await eventually(
    `the exit step of ${runId} says what it was told`,
    async () => {
      const [pod] = await exitStepPods(namespace, runId);
      const log = pod === undefined ? undefined : await cluster.log(namespace.name, pod.metadata.name, 'main');
      return /pipelineStatus is (\w+)/.exec(log ?? '')?.[1];
    },
    LONG_MS,
  );
}
