import { Secret } from '@runner/core';
import type { VARIABLES } from './catalogue.ts';
import { fileText, missing } from './files.ts';
import type { Findings } from './finding.ts';
import { shown } from './finding.ts';
import type { PipelineTypeConfigs } from './ingestion-format.ts';
import type { ReadFile, Reading, Source } from './read.ts';
import type { ExecutorType, Values, Variable } from './variable.ts';

interface Resources {
  readonly cpuLimit: string;
  readonly memoryLimit: string;
  readonly cpuRequest: string;
  readonly memoryRequest: string;
}

/** What workloads in Kubernetes get, whoever makes them. */
export interface IngestionPods {
  /** Undefined: the agent's own. */
  readonly namespace: string | undefined;
  readonly serviceAccountName: string;
  readonly image: string;
  readonly imagePullSecrets: readonly string[];
  readonly dynamicVersion: boolean;
  /** Undefined: as the service account says. */
  readonly automountServiceAccountToken: boolean | undefined;
  readonly resources: Resources;
  readonly automationResources: Resources;
  readonly pipelineTypeConfigs: PipelineTypeConfigs;
}

export interface LocalSettings {
  readonly type: 'local';
  readonly dir: string;
  /** Undefined: the commands of the ingestion image. */
  readonly command: readonly string[] | undefined;
}

export interface SimpleK8sSettings {
  readonly type: 'simpleK8s';
  readonly pods: IngestionPods;
}

export interface ArgoSettings {
  readonly type: 'argo';
  readonly pods: IngestionPods;
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
function executorType(values: All): ExecutorType {
  return values.EXECUTOR_TYPE ?? (values.PIPELINE_SERVICE_CLIENT_ENDPOINT === undefined ? 'simpleK8s' : 'argo');
}

export function executorSettings(reading: ReadAll, readFile: ReadFile, out: Findings): ExecutorSettings {
  const { values } = reading;
  const type = executorType(values);
  if (type === 'local') {
    if (values.LOCAL_EXECUTOR_DIR === undefined) {
      missing(out, 'LOCAL_EXECUTOR_DIR', 'set it to the absolute path of a folder that survives restarts');
    }
    return { type, dir: values.LOCAL_EXECUTOR_DIR ?? '', command: values.INGESTION_COMMAND };
  }
  if (values.INGESTION_IMAGE === undefined) {
    missing(out, 'INGESTION_IMAGE', 'set it to the image of the ingestion workloads, repository and tag');
  }
  return type === 'simpleK8s'
    ? { type, pods: pods(values, values.SIMPLEK8S_PIPELINE_TYPE_CONFIGS ?? {}) }
    : argo(reading, readFile, out);
}

function argo({ values, sources }: ReadAll, readFile: ReadFile, out: Findings): ArgoSettings {
  const file = (variable: 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH' | 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH') => {
    const path = values[variable];
    return path === undefined ? undefined : fileText(variable, path, readFile, out);
  };
  if (values.ARGO_SECONDS_AFTER_COMPLETION_TTL < 3600) {
    out.warnings.push({
      variable: 'ARGO_SECONDS_AFTER_COMPLETION_TTL',
      read: String(values.ARGO_SECONDS_AFTER_COMPLETION_TTL),
      message: 'removes ended workflows within an hour: an outcome may be gone before it was reported',
      fix: 'use 3600 or more',
    });
  }
  return {
    type: 'argo',
    pods: pods(values, values.ARGO_PIPELINE_TYPE_CONFIGS ?? {}),
    server: argoServer(values, sources.get('ARGO_TOKEN'), readFile, out),
    secondsAfterCompletion: values.ARGO_SECONDS_AFTER_COMPLETION_TTL,
    testConnectionBackoffSeconds: values.ARGO_TEST_CONNECTION_BACKOFF_TIME,
    containerSpecFile: file('ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH'),
    workflowSpecFile: file('ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH'),
  };
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

function pods(values: All, pipelineTypeConfigs: PipelineTypeConfigs): IngestionPods {
  return {
    namespace: values.INGESTION_NAMESPACE,
    serviceAccountName: values.INGESTION_SERVICE_ACCOUNT_NAME,
    image: values.INGESTION_IMAGE ?? '',
    imagePullSecrets: values.INGESTION_IMAGE_PULL_SECRETS,
    dynamicVersion: values.DYNAMIC_INGESTION_VERSION_ENABLED,
    automountServiceAccountToken: values.INGESTION_AUTOMOUNT_SA_TOKEN,
    resources: {
      cpuLimit: values.INGESTION_CPU_LIMIT,
      memoryLimit: values.INGESTION_MEMORY_LIMIT,
      cpuRequest: values.INGESTION_CPU_REQUEST,
      memoryRequest: values.INGESTION_MEMORY_REQUEST,
    },
    automationResources: {
      cpuLimit: values.INGESTION_AUTOMATION_WORKFLOW_CPU_LIMIT,
      memoryLimit: values.INGESTION_AUTOMATION_WORKFLOW_MEMORY_LIMIT,
      cpuRequest: values.INGESTION_AUTOMATION_WORKFLOW_CPU_REQUEST,
      memoryRequest: values.INGESTION_AUTOMATION_WORKFLOW_MEMORY_REQUEST,
    },
    pipelineTypeConfigs,
  };
}

/** Variables that are set although the chosen executor does not read them. */
export function warnUnread(
  table: Readonly<Record<string, Variable>>,
  sources: ReadonlyMap<string, Source>,
  type: ExecutorType,
  out: Findings,
): void {
  for (const [name, source] of sources) {
    const { executors, sensitive } = table[name] ?? {};
    if (executors === undefined || executors.includes(type)) continue;
    out.warnings.push({
      variable: source.name,
      read: shown(source.text, sensitive === true),
      message: `has no effect with the executor ${type}`,
      fix: `it is read with ${executors.join(' and ')} only; remove it or change EXECUTOR_TYPE`,
    });
  }
}
