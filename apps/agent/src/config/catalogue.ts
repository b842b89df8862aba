import { SECRETS_MANAGER_PROVIDERS } from '@runner/executor';
import {
  absolutePath,
  address,
  choice,
  command,
  dnsSubdomain,
  flag,
  httpPath,
  integer,
  perName,
  seconds,
  text,
  url,
} from './format.ts';
import { proxyUrl, noProxy } from './proxy-format.ts';
import { GRACE_CATEGORIES, GRACE_DEFAULTS } from './grace.ts';
import { secretReference } from './secret-format.ts';
import { TRACING_VARIABLES } from './tracing-variables.ts';
import { defaulted, optional } from './variable.ts';
import type { Variable } from './variable.ts';
import { WORKLOAD_VARIABLES } from './workload-variables.ts';

/**
 * Every variable the agent reads, as data: the parser, the table in the README and the check that compares the two all
 * work from here. Adding a variable is adding a line.
 */

const YEAR = 31_536_000;
const PORTS = { min: 0, max: 65_535 };
const LOCAL = ['local'] as const;

const identity = {
  AGENT_ID: defaulted(text({ max: 256 }), 'RemoteRunner', {
    group: 'identity',
    meaning: 'Name of this runner, as people see it in the list of ingestion runners. Unique among runners.',
  }),
  AUTH_TOKEN: optional(text({ shape: 'JWT', max: 65_536 }), {
    group: 'identity',
    meaning:
      'Token of the bot this runner acts as. Required. The file variant is read again at every connection, and a new token in it is used at once after the last one was refused.',
    sensitive: true,
    fileVariant: true,
  }),
  TOKEN_AUDIENCE: optional(text({ max: 1024 }), {
    group: 'identity',
    meaning: 'When set, a token that names other audiences is refused before anything is sent.',
  }),
} as const;

const network = {
  SERVER_URL: optional(url(['wss', 'ws']), {
    group: 'network',
    meaning:
      'Where the control plane is, such as `wss://example.getcollate.io`. Required. Without a path, the path of the protocol is used.',
  }),
  SERVER_HOST_API_URL: optional(url(['https', 'http']), {
    group: 'network',
    meaning: 'Base of the REST interface. Asked only for its version, to explain a failed connection.',
    defaultNote: '`SERVER_URL` as https (http), path `/api`',
  }),
  RECONNECT_DELAY_SECONDS: defaulted(seconds({ min: 0.01, max: 3600 }), '5', {
    group: 'network',
    meaning: 'Shortest delay before connecting again. Later delays grow, with chance in them, up to 60 seconds.',
  }),
  ALLOW_INSECURE_TRANSPORT: defaulted(flag, 'false', {
    group: 'network',
    meaning: 'Permits `ws://` and `http://` to other machines. The token and every config then travel in the clear.',
  }),
  SERVER_CA_FILE: optional(absolutePath, {
    group: 'network',
    meaning:
      'PEM file with certificate authorities to trust besides the usual ones, for the control plane and for a proxy.',
  }),
  NODE_EXTRA_CA_CERTS: optional(absolutePath, {
    group: 'network',
    meaning: 'The same, under the name that Node.js knows.',
  }),
  HTTPS_PROXY: optional(proxyUrl, {
    group: 'network',
    meaning:
      'Proxy for `wss://` and `https://`; user and password may stand in the URL. Also in lower case, which wins.',
    sensitive: true,
  }),
  HTTP_PROXY: optional(proxyUrl, {
    group: 'network',
    meaning: 'Proxy for `ws://` and `http://`. Also in lower case, which wins.',
    sensitive: true,
  }),
  NO_PROXY: optional(noProxy, {
    group: 'network',
    meaning:
      'Hosts to reach without proxy: `*`, names (their subdomains included), `name:port`, addresses, CIDR ranges. Also in lower case, which wins.',
  }),
} as const;

const executor = {
  EXECUTOR_TYPE: optional(choice(['simpleK8s', 'argo', 'local']), {
    group: 'executor',
    meaning: 'What turns runs into workloads: Kubernetes Jobs, Argo Workflows or local processes.',
    defaultNote: '`argo` when PIPELINE_SERVICE_CLIENT_ENDPOINT is set, else `simpleK8s`',
  }),
  KUBECONFIG: optional(absolutePath, {
    group: 'executor',
    meaning:
      'File that says how to reach the cluster and as whom. Not needed in a pod, where the service account serves; set all the same, it wins.',
    executors: ['simpleK8s', 'argo'],
    defaultNote: "the pod's service account",
  }),
  LOCAL_EXECUTOR_DIR: optional(absolutePath, {
    group: 'local executor',
    meaning: 'Folder for runs, their states and logs. Required for `local`; it must survive restarts of the agent.',
    executors: LOCAL,
  }),
  INGESTION_COMMAND: optional(command, {
    group: 'local executor',
    meaning: 'Program (and arguments) to run instead of the commands of the ingestion image. No shell reads it.',
    executors: LOCAL,
  }),
} as const;

const secrets = {
  SECRETS_MANAGER: optional(choice([...SECRETS_MANAGER_PROVIDERS, 'noop', 'in-memory'], SECRETS_MANAGER_PROVIDERS), {
    group: 'secrets',
    meaning:
      'Where `secret:` references are looked up by the workloads. `file` and `env` only with the local executor.',
    defaultNote: '`kubernetes`; with the local executor `file` when SECRETS_FILE_DIR is set, else `env`',
  }),
  SECRETS_FILE_DIR: optional(absolutePath, {
    group: 'secrets',
    meaning: 'Folder with one file per secret, for `SECRETS_MANAGER=file`.',
    executors: LOCAL,
  }),
  SECRETS_PREFLIGHT_REF: optional(secretReference, {
    group: 'secrets',
    meaning:
      'A reference that is read once at the start, as a workload would read it, and what became of it told in the log. Its value is never told. With pods it needs SECRETS_PREFLIGHT_IMAGE.',
    sensitive: true,
  }),
  SECRETS_PREFLIGHT_IMAGE: optional(text({ max: 512 }), {
    group: 'secrets',
    meaning:
      'Image with the program `runner-secrets` of `@runner/secrets` and the SDK of the secrets manager, in which a pod of the ingestion service account reads that reference, and those that the control plane asks about.',
    executors: ['simpleK8s', 'argo'],
  }),
  PLAINTEXT_SECRETS: defaulted(choice(['refuse', 'warn', 'allow']), 'refuse', {
    group: 'secrets',
    meaning: 'What to do with a run whose service connection holds a plain value in a masked field.',
  }),
} as const;

const RUNS = { min: 1, max: 10_000 };
const DEADLINE = { min: 1, max: YEAR };

const limits = {
  MAX_CONCURRENT_RUNS: defaulted(integer(RUNS), '25', {
    group: 'limits',
    meaning: 'How many runs this runner holds at once.',
  }),
  MAX_CONCURRENT_RUNS_PER_TYPE: optional(perName(RUNS, { what: 'type', example: 'profiler:2' }), {
    group: 'limits',
    meaning: 'Smaller limits for pipeline types, such as `profiler:2,automation:5`.',
  }),
  START_DEADLINE_SECONDS: defaulted(integer(DEADLINE), '1800', {
    group: 'limits',
    meaning:
      'A workload that has not begun to execute after this time is ended. Time in which somebody suspends it does not count.',
  }),
  START_DEADLINE_SECONDS_PER_TYPE: optional(perName(DEADLINE, { what: 'type', example: 'automation:300' }), {
    group: 'limits',
    meaning: 'Other start deadlines for pipeline types, such as `automation:300`.',
  }),
  PERMANENT_GRACE_SECONDS: optional(
    perName({ min: 0, max: YEAR }, { what: 'category', example: 'image:120,default:30', names: GRACE_CATEGORIES }),
    {
      group: 'limits',
      meaning:
        'How long a workload may stay stuck for a reason that waiting cannot mend, by category of the diagnosis, before it is ended. `default` stands for every category that is not named.',
      defaultNote: GRACE_DEFAULTS,
    },
  ),
  RUN_DEADLINE_SECONDS: optional(integer(DEADLINE), {
    group: 'limits',
    meaning: 'The longest a run may execute here. A start that asks for more gets this much.',
    defaultNote: 'as the control plane asks',
  }),
  DRAIN_SECONDS: defaulted(seconds({ min: 0, max: 3600 }), '25', {
    group: 'limits',
    meaning: 'How long the agent may take to leave after the first SIGTERM or SIGINT.',
  }),
} as const;

const processVariables = {
  LOG_LEVEL: defaulted(choice(['debug', 'info', 'warn', 'error']), 'info', {
    group: 'process',
    meaning: 'The least important lines to write.',
  }),
  LISTEN_ADDRESS: optional(address, {
    group: 'process',
    meaning: 'Address of this machine on which health and metrics are served.',
    defaultNote: 'every address',
  }),
  HEALTH_PORT: defaulted(integer(PORTS), '8585', {
    group: 'process',
    meaning: 'Port of `/healthz` and `/readyz`. 0 takes any free port.',
  }),
  METRICS_SERVER_PORT: defaulted(integer(PORTS), '8989', {
    group: 'process',
    meaning: 'Port of the metrics. 0 takes any free port.',
  }),
  PULL_SECRET_STATUS_CONFIGMAP: optional(dnsSubdomain, {
    group: 'process',
    meaning:
      'ConfigMap in the namespace of this pod into which the registry helper writes what became of the pull secret. Its expiry becomes a metric.',
    executors: ['simpleK8s', 'argo'],
  }),
  METRICS_SERVER_PATH: defaulted(httpPath, '/metrics', { group: 'process', meaning: 'Path of the metrics.' }),
} as const;

export const VARIABLES = {
  ...identity,
  ...network,
  ...executor,
  ...WORKLOAD_VARIABLES,
  ...secrets,
  ...limits,
  ...processVariables,
  ...TRACING_VARIABLES,
} as const satisfies Readonly<Record<string, Variable>>;

export type VariableName = keyof typeof VARIABLES;

/** Variables of old charts that mean nothing any more, with what replaced them. */
export const REMOVED: Readonly<Record<string, string>> = {
  INGESTION_CUSTOMER_TOLERATION:
    'put the toleration into SIMPLEK8S_PIPELINE_TYPE_CONFIGS or ARGO_PIPELINE_TYPE_CONFIGS',
  ARGO_WORKFLOW_CUSTOMER_TOLERATION:
    'put the toleration into SIMPLEK8S_PIPELINE_TYPE_CONFIGS or ARGO_PIPELINE_TYPE_CONFIGS',
};
