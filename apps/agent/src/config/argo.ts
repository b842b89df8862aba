import { Secret } from '@runner/core';
import type { PodSettings } from '@runner/kube';
import { templateFindings } from './argo-templates.ts';
import type { VARIABLES } from './catalogue.ts';
import { clusterAccess, isServiceAccountAtHand } from './cluster-access.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { fileText, missing } from './files.ts';
import type { Findings } from './finding.ts';
import { warnShortLife } from './lifetime.ts';
import { podSettings } from './pods.ts';
import type { Environment, ReadFile, Reading, Source } from './read.ts';
import type { SecretsConfig } from './secrets.ts';
import type { TokenConfig } from './token.ts';
import type { Values } from './variable.ts';

export interface ArgoSettings {
  readonly type: 'argo';
  /** Undefined: the one the cluster access names (the agent's own). */
  readonly namespace: string | undefined;
  readonly pods: PodSettings;
  /** Argo Server; undefined: through the Kubernetes API alone. */
  readonly server: ArgoServer | undefined;
  /** The Kubernetes API. Beside an Argo Server it is a help where it is known, and no need. */
  readonly cluster: ClusterAccess | undefined;
  readonly secondsAfterCompletion: number;
  /** Between two looks for the Workflows at the start, until somebody answers. */
  readonly testConnectionBackoffSeconds: number;
  /** YAML texts, not yet looked into. */
  readonly containerSpecFile: string | undefined;
  readonly workflowSpecFile: string | undefined;
}

export interface ArgoServer {
  readonly endpoint: string;
  readonly token: TokenConfig;
  /** PEM text. */
  readonly certificateAuthority: string | undefined;
}

/** The variables that name files with parts of Workflows. */
export const OVERRIDE_VARIABLES = {
  container: 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH',
  workflow: 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH',
} as const;

/** `argo auth token` prints it before the token. */
const BEARER = /^Bearer\s+/i;

type All = Values<typeof VARIABLES>;

interface ArgoInput {
  readonly reading: Reading<typeof VARIABLES>;
  readonly secrets: SecretsConfig;
  readonly env: Environment;
  readonly readFile: ReadFile;
}

export function argoSettings({ reading, secrets, env, readFile }: ArgoInput, out: Findings): ArgoSettings {
  const { values, sources } = reading;
  const override = (variable: (typeof OVERRIDE_VARIABLES)[keyof typeof OVERRIDE_VARIABLES]) => {
    const path = values[variable];
    return path === undefined ? undefined : fileText(variable, path, readFile, out);
  };
  const ttl = values.ARGO_SECONDS_AFTER_COMPLETION_TTL;
  warnShortLife('ARGO_SECONDS_AFTER_COMPLETION_TTL', ttl, 'workflows', out);
  out.problems.push(...templateFindings(reading));
  // One that is written wrongly was meant all the same: that it is wrong is told already.
  const isServerMeant = sources.has('PIPELINE_SERVICE_CLIENT_ENDPOINT');
  const server = argoServer(values, sources.get('ARGO_TOKEN'), readFile, out);
  const cluster = isServerMeant
    ? clusterBeside(values.KUBECONFIG, env, readFile, out)
    : clusterAccess(values.KUBECONFIG, env, readFile, out);
  if (cluster === undefined && values.INGESTION_NAMESPACE === undefined) {
    missing(out, 'INGESTION_NAMESPACE', 'set it to the namespace in which Workflows shall be made');
  }
  return {
    type: 'argo',
    namespace: values.INGESTION_NAMESPACE,
    pods: podSettings(reading, 'argo', secrets, out),
    server,
    cluster,
    secondsAfterCompletion: ttl,
    testConnectionBackoffSeconds: values.ARGO_TEST_CONNECTION_BACKOFF_TIME,
    containerSpecFile: override(OVERRIDE_VARIABLES.container),
    workflowSpecFile: override(OVERRIDE_VARIABLES.workflow),
  };
}

function argoServer(values: All, token: Source | undefined, readFile: ReadFile, out: Findings): ArgoServer | undefined {
  if (values.PIPELINE_SERVICE_CLIENT_ENDPOINT === undefined) return undefined;
  const certificate = values.ARGO_SERVER_CERTIFICATE_PATH;
  const isTold = out.problems.some(({ variable }) => variable.startsWith('ARGO_TOKEN'));
  if (token === undefined && !isTold) {
    missing(out, 'ARGO_TOKEN', 'set ARGO_TOKEN or ARGO_TOKEN_FILE to the token of an account with rights on Workflows');
  }
  return {
    endpoint: values.PIPELINE_SERVICE_CLIENT_ENDPOINT.href.replace(/\/+$/, ''),
    token: { value: new Secret((token?.text ?? '').replace(BEARER, '')), file: token?.file },
    certificateAuthority:
      certificate === undefined ? undefined : fileText('ARGO_SERVER_CERTIFICATE_PATH', certificate, readFile, out),
  };
}

function clusterBeside(
  kubeconfig: string | undefined,
  env: Environment,
  readFile: ReadFile,
  out: Findings,
): ClusterAccess | undefined {
  if (kubeconfig !== undefined) return clusterAccess(kubeconfig, env, readFile, out);
  return isServiceAccountAtHand(env, readFile) ? { kind: 'inCluster' } : undefined;
}
