import { Secret } from '@runner/core';
import type { LogLevel } from '@runner/core';
import type { EnvVariable } from '@runner/executor';
import { REMOVED, VARIABLES } from './config/catalogue.ts';
import type { ClusterAccess } from './config/cluster-access.ts';
import { executorSettings, executorType } from './config/executor-choice.ts';
import type { ExecutorSettings } from './config/executor-choice.ts';
import type { Finding, Findings } from './config/finding.ts';
import { permanentGraceMs } from './config/grace.ts';
import { misspelt } from './config/names.ts';
import { overrideFindings } from './config/overrides.ts';
import { readVariables } from './config/read.ts';
import type { Environment, ReadFile, Reading } from './config/read.ts';
import { secretsConfig } from './config/secrets.ts';
import type { SecretsConfig } from './config/secrets.ts';
import { serverConfig } from './config/server.ts';
import type { ServerConfig } from './config/server.ts';
import { tokenProblem } from './config/token.ts';
import type { TokenConfig } from './config/token.ts';
import { tracingConfig } from './config/tracing.ts';
import type { TracingConfig } from './config/tracing.ts';
import { warnUnread } from './config/unread.ts';

/** Everything the process is told from outside, checked. */
export interface AgentConfig {
  readonly agentId: string;
  readonly token: TokenConfig;
  readonly tokenAudience: string | undefined;
  readonly server: ServerConfig;
  readonly executor: ExecutorSettings;
  readonly secrets: SecretsConfig;
  /** For every workload, behind the variables of the contract. */
  readonly extraEnvs: readonly EnvVariable[];
  /** The ingestion library shall not compare versions with the server. */
  readonly disableVersionValidation: boolean;
  readonly limits: { readonly total: number; readonly types: Readonly<Record<string, number>> };
  /** How long a workload may wait for its start. */
  readonly startDeadline: { readonly seconds: number; readonly types: Readonly<Record<string, number>> };
  /** Milliseconds by category of the diagnosis; what is not named stays as the dispatcher has it. */
  readonly permanentGraceMs: ReturnType<typeof permanentGraceMs>;
  /** Upper bound; undefined: whatever the control plane asks. */
  readonly runDeadlineSeconds: number | undefined;
  readonly drainMs: number;
  readonly logLevel: LogLevel;
  /** Address that health and metrics listen on; undefined: every one. */
  readonly listenAddress: string | undefined;
  readonly healthPort: number;
  readonly metrics: { readonly port: number; readonly path: string };
  /** Where the registry helper says what became of the pull secret; undefined: nowhere. */
  readonly pullSecretStatus: PullSecretStatus | undefined;
  /** Where spans of runs go; undefined: nowhere. */
  readonly tracing: TracingConfig | undefined;
}

interface PullSecretStatus {
  readonly configMap: string;
  readonly cluster: ClusterAccess;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: AgentConfig; readonly warnings: readonly Finding[] }
  | { readonly ok: false; readonly problems: readonly Finding[]; readonly warnings: readonly Finding[] };

/**
 * Reads the environment, and looks into the files that it names.
 * @param readFile reads a file as text and throws when it cannot
 * @param now epoch milliseconds, for the expiry of the token
 * @returns the configuration, or everything that is wrong with it at once
 */
export async function loadConfig(env: Environment, readFile: ReadFile, now: number): Promise<ConfigResult> {
  const { config, reading, out } = read({ env, readFile, now });
  if (config.executor.type === 'argo') await overrideFindings(config.executor, reading.sources, out);
  return resultOf(config, out);
}

/** The same at once, without a look into the YAML files for Workflows. Pure: what it needs comes in through its arguments. */
export function parseConfig(env: Environment, readFile: ReadFile, now: number): ConfigResult {
  const { config, out } = read({ env, readFile, now });
  return resultOf(config, out);
}

function read(around: Surroundings) {
  const out: Findings = { problems: [], warnings: [] };
  const reading = readVariables(VARIABLES, around.env, around.readFile, out);
  const config = assemble(reading, around, out);
  out.warnings.push(...removed(around.env), ...misspelt(VARIABLES, around.env));
  return { config, reading, out };
}

function resultOf(config: AgentConfig, { problems, warnings }: Findings): ConfigResult {
  return problems.length === 0 ? { ok: true, config, warnings } : { ok: false, problems, warnings };
}

interface Surroundings {
  readonly env: Environment;
  readonly readFile: ReadFile;
  readonly now: number;
}

function assemble(
  reading: Reading<typeof VARIABLES>,
  { env, readFile, now }: Surroundings,
  out: Findings,
): AgentConfig {
  const { values, sources } = reading;
  const token = tokenConfig(reading, now, out);
  const server = serverConfig(values, readFile, out);
  const type = executorType(reading);
  const secrets = secretsConfig(values, type, out);
  const executor = executorSettings({ reading, type, secrets, env, readFile }, out);
  warnUnread(VARIABLES, sources, type, out);
  return {
    agentId: values.AGENT_ID,
    token,
    tokenAudience: values.TOKEN_AUDIENCE,
    server,
    executor,
    secrets,
    extraEnvs: values.INGESTION_EXTRA_ENVS,
    disableVersionValidation: values.INGESTION_DISABLE_VERSION_VALIDATION,
    limits: { total: values.MAX_CONCURRENT_RUNS, types: Object.fromEntries(values.MAX_CONCURRENT_RUNS_PER_TYPE ?? []) },
    startDeadline: {
      seconds: values.START_DEADLINE_SECONDS,
      types: Object.fromEntries(values.START_DEADLINE_SECONDS_PER_TYPE ?? []),
    },
    permanentGraceMs: permanentGraceMs(values.PERMANENT_GRACE_SECONDS ?? new Map()),
    runDeadlineSeconds: values.RUN_DEADLINE_SECONDS,
    drainMs: values.DRAIN_SECONDS * 1000,
    logLevel: values.LOG_LEVEL,
    listenAddress: values.LISTEN_ADDRESS,
    healthPort: values.HEALTH_PORT,
    metrics: { port: values.METRICS_SERVER_PORT, path: values.METRICS_SERVER_PATH },
    pullSecretStatus: pullSecretStatus(values.PULL_SECRET_STATUS_CONFIGMAP, values.KUBECONFIG, type),
    tracing: tracingConfig(values),
  };
}

/** The same way to the cluster as that of the workloads, which has been checked with the executor's settings. */
function pullSecretStatus(
  configMap: string | undefined,
  kubeconfig: string | undefined,
  type: ExecutorSettings['type'],
): PullSecretStatus | undefined {
  if (configMap === undefined || type === 'local') return undefined;
  return {
    configMap,
    cluster: kubeconfig === undefined ? { kind: 'inCluster' } : { kind: 'kubeconfig', path: kubeconfig },
  };
}

function tokenConfig({ values, sources }: Reading<typeof VARIABLES>, now: number, out: Findings): TokenConfig {
  const source = sources.get('AUTH_TOKEN');
  const value = values.AUTH_TOKEN ?? '';
  const problem = tokenProblem(value, { now, audience: values.TOKEN_AUDIENCE });
  const told = out.problems.some((entry) => entry.variable.startsWith('AUTH_TOKEN'));
  if (problem !== undefined && !told) {
    out.problems.push({
      variable: source?.name ?? 'AUTH_TOKEN',
      read: source === undefined ? undefined : '(hidden)',
      message: problem.message,
      fix: problem.fix,
    });
  }
  return { value: new Secret(value), file: source?.file };
}

function removed(env: Environment): readonly Finding[] {
  return Object.entries(REMOVED)
    .filter(([name]) => (env[name] ?? '').trim() !== '')
    .map(([name, fix]) => ({ variable: name, read: undefined, message: 'is not read any more', fix }));
}

export { VARIABLES } from './config/catalogue.ts';
export type { VariableName } from './config/catalogue.ts';
export { AGENT_VARIABLES, variableTable } from './config/table.ts';
export type { ArgoServer, ArgoSettings } from './config/argo.ts';
export type { ExecutorSettings, LocalSettings, SimpleK8sSettings } from './config/executor-choice.ts';
export type { TokenConfig } from './config/token.ts';
export type { ClusterAccess } from './config/cluster-access.ts';
export type { Finding } from './config/finding.ts';
export type { ProxyConfig, ServerConfig } from './config/server.ts';
export type { SecretsConfig } from './config/secrets.ts';
