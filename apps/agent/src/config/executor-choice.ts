import type { PodSettings } from '@runner/kube';
import { argoSettings } from './argo.ts';
import type { ArgoSettings } from './argo.ts';
import type { VARIABLES } from './catalogue.ts';
import { clusterAccess } from './cluster-access.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { missing } from './files.ts';
import type { Findings } from './finding.ts';
import { warnShortLife } from './lifetime.ts';
import { podSettings } from './pods.ts';
import type { Environment, ReadFile, Reading } from './read.ts';
import type { SecretsConfig } from './secrets.ts';
import type { ExecutorType } from './variable.ts';

export interface LocalSettings {
  readonly type: 'local';
  readonly dir: string;
  /** Undefined: the commands of the ingestion image. */
  readonly command: readonly string[] | undefined;
}

export interface SimpleK8sSettings {
  readonly type: 'simpleK8s';
  /** Undefined: the one the cluster access names (the agent's own). */
  readonly namespace: string | undefined;
  readonly pods: PodSettings;
  readonly cluster: ClusterAccess;
  readonly delivery: 'auto' | 'inline' | 'configmap' | 'secret';
  /** For which an ended Job stays. */
  readonly ttlSeconds: number;
}

export type ExecutorSettings = LocalSettings | SimpleK8sSettings | ArgoSettings;

type ReadAll = Reading<typeof VARIABLES>;

/** Argo when its server is named, Jobs otherwise; local only when asked for. */
export function executorType({ values, sources }: ReadAll): ExecutorType {
  return values.EXECUTOR_TYPE ?? (sources.has('PIPELINE_SERVICE_CLIENT_ENDPOINT') ? 'argo' : 'simpleK8s');
}

/** What the settings of an executor are made of. */
export interface ExecutorInput {
  readonly reading: ReadAll;
  readonly type: ExecutorType;
  readonly secrets: SecretsConfig;
  readonly env: Environment;
  readonly readFile: ReadFile;
}

export function executorSettings(input: ExecutorInput, out: Findings): ExecutorSettings {
  const { values } = input.reading;
  if (input.type === 'local') {
    if (values.LOCAL_EXECUTOR_DIR === undefined) {
      missing(out, 'LOCAL_EXECUTOR_DIR', 'set it to the absolute path of a folder that survives restarts');
    }
    return { type: 'local', dir: values.LOCAL_EXECUTOR_DIR ?? '', command: values.INGESTION_COMMAND };
  }
  if (values.INGESTION_IMAGE === undefined) {
    missing(out, 'INGESTION_IMAGE', 'set it to the image of the ingestion workloads, repository and tag');
  }
  return input.type === 'simpleK8s' ? jobs(input, out) : argoSettings(input, out);
}

function jobs({ reading, secrets, env, readFile }: ExecutorInput, out: Findings): SimpleK8sSettings {
  const { values } = reading;
  warnShortLife('INGESTION_TTL_SECONDS', values.INGESTION_TTL_SECONDS, 'jobs', out);
  return {
    type: 'simpleK8s',
    cluster: clusterAccess(values.KUBECONFIG, env, readFile, out),
    namespace: values.INGESTION_NAMESPACE,
    pods: podSettings(reading, 'simpleK8s', secrets, out),
    delivery: values.CONFIG_DELIVERY,
    ttlSeconds: values.INGESTION_TTL_SECONDS,
  };
}
