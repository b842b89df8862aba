import { Secret } from '@runner/core';
import type { PodSettings } from '@runner/kube';
import type { VARIABLES } from './catalogue.ts';
import { clusterAccess } from './cluster-access.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { fileText, missing } from './files.ts';
import type { Findings } from './finding.ts';
import { podSettings } from './pods.ts';
import type { Environment, ReadFile, Reading, Source } from './read.ts';
import type { SecretsConfig } from './secrets.ts';
import type { ExecutorType, Values } from './variable.ts';

export interface LocalSettings {
  readonly type: 'local';
  readonly dir: string;
  /** Undefined: the commands of the ingestion image. */
  readonly command: readonly string[] | undefined;
}

/** Where workloads in Kubernetes are made, and what they get, whoever makes them. */
interface InKubernetes {
  /** Undefined: the one the cluster access names (the agent's own). */
  readonly namespace: string | undefined;
  readonly pods: PodSettings;
}

export interface SimpleK8sSettings extends InKubernetes {
  readonly type: 'simpleK8s';
  readonly cluster: ClusterAccess;
  readonly delivery: 'auto' | 'inline' | 'configmap' | 'secret';
  /** For which an ended Job stays. */
  readonly ttlSeconds: number;
}

export interface ArgoSettings extends InKubernetes {
  readonly type: 'argo';
  /** Argo Server; undefined: through the Kubernetes API alone. */
  readonly server: ArgoServer | undefined;
  readonly secondsAfterCompletion: number;
  readonly testConnectionBackoffSeconds: number | undefined;
  readonly containerSpecFile: string | undefined;
  readonly workflowSpecFile: string | undefined;
}

interface ArgoServer {
  readonly endpoint: string;
  readonly token: TokenConfig | undefined;
  /** PEM text. */
  readonly certificateAuthority: string | undefined;
}

/** A token, and the file to read it from again. */
export interface TokenConfig {
  readonly value: Secret;
  readonly file: string | undefined;
}

export type ExecutorSettings = LocalSettings | SimpleK8sSettings | ArgoSettings;

type All = Values<typeof VARIABLES>;
type ReadAll = Reading<typeof VARIABLES>;

/** Argo when its server is named, Jobs otherwise; local only when asked for. */
export function executorType(values: All): ExecutorType {
  return values.EXECUTOR_TYPE ?? (values.PIPELINE_SERVICE_CLIENT_ENDPOINT === undefined ? 'simpleK8s' : 'argo');
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
  return input.type === 'simpleK8s' ? jobs(input, out) : argo(input, out);
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

function argo({ reading, secrets, readFile }: ExecutorInput, out: Findings): ArgoSettings {
  const { values, sources } = reading;
  const file = (variable: 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH' | 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH') => {
    const path = values[variable];
    return path === undefined ? undefined : fileText(variable, path, readFile, out);
  };
  const ttl = values.ARGO_SECONDS_AFTER_COMPLETION_TTL;
  warnShortLife('ARGO_SECONDS_AFTER_COMPLETION_TTL', ttl, 'workflows', out);
  return {
    type: 'argo',
    namespace: values.INGESTION_NAMESPACE,
    pods: podSettings(reading, 'argo', secrets, out),
    server: argoServer(values, sources.get('ARGO_TOKEN'), readFile, out),
    secondsAfterCompletion: ttl,
    testConnectionBackoffSeconds: values.ARGO_TEST_CONNECTION_BACKOFF_TIME,
    containerSpecFile: file('ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH'),
    workflowSpecFile: file('ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH'),
  };
}

const HOUR_SECONDS = 3600;

/** An ended workload is the only record of its outcome until that was reported. */
function warnShortLife(variable: string, seconds: number, what: string, out: Findings): void {
  if (seconds >= HOUR_SECONDS) return;
  out.warnings.push({
    variable,
    read: String(seconds),
    message: `removes ended ${what} within an hour: an outcome may be gone before it was reported`,
    fix: `use ${HOUR_SECONDS} or more`,
  });
}

function argoServer(values: All, token: Source | undefined, readFile: ReadFile, out: Findings): ArgoServer | undefined {
  if (values.PIPELINE_SERVICE_CLIENT_ENDPOINT === undefined) return undefined;
  const certificate = values.ARGO_SERVER_CERTIFICATE_PATH;
  return {
    endpoint: values.PIPELINE_SERVICE_CLIENT_ENDPOINT.href.replace(/\/+$/, ''),
    token: token === undefined ? undefined : { value: new Secret(token.text), file: token.file },
    certificateAuthority:
      certificate === undefined ? undefined : fileText('ARGO_SERVER_CERTIFICATE_PATH', certificate, readFile, out),
  };
}
