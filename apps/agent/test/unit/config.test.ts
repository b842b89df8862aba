import { describe, expect, it } from 'vitest';
import { VARIABLES, parseConfig } from '@runner/agent/config';
import type { AgentConfig, VariableName } from '@runner/agent/config';
import { placementFor } from '@runner/scheduling';
import { testToken } from '../tokens.ts';

const NOW = Date.UTC(2026, 10, 21);
const FILES: Readonly<Record<string, string>> = {
  '/etc/token': `${testToken({})}\n`,
  '/etc/argo-token': 'argo-token-from-a-file\n',
  '/etc/empty': '  \n',
  '/etc/ca.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  '/etc/other-ca.pem': '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
  '/etc/container.yaml': 'tolerations: []\n',
  '/etc/kubeconfig': 'apiVersion: v1\nkind: Config\n',
};
const readFile = (path: string): string => {
  const content = FILES[path];
  if (content === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
  return content;
};
type Env = Record<string, string>;
const LOCAL: Env = {
  AUTH_TOKEN: testToken({}),
  SERVER_URL: 'wss://control.example.test',
  EXECUTOR_TYPE: 'local',
  LOCAL_EXECUTOR_DIR: '/var/lib/runner',
};
const K8S: Env = {
  AUTH_TOKEN: testToken({}),
  SERVER_URL: 'wss://control.example.test',
  INGESTION_IMAGE: 'example/ingestion:1',
  KUBECONFIG: '/etc/kubeconfig',
};
const TOKENLESS: Env = {
  ...K8S,
  EXECUTOR_TYPE: 'argo',
  PIPELINE_SERVICE_CLIENT_ENDPOINT: 'http://argo.example.test:2746',
};
const ARGO: Env = { ...TOKENLESS, ARGO_TOKEN: 'of-argo' };

const parse = (env: Env) => parseConfig(env, readFile, NOW);
function good(env: Env): {
  config: AgentConfig;
  warnings: readonly { variable: string; message: string; fix: string }[];
} {
  const result = parse(env);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}
function problems(env: Env): readonly { variable: string; read: string | undefined; message: string; fix: string }[] {
  const result = parse(env);
  if (result.ok) throw new Error('expected problems');
  return result.problems;
}
const inKubernetes = (config: AgentConfig) => {
  if (config.executor.type === 'local') throw new Error('expected an executor in Kubernetes');
  return config.executor;
};
const pods = (config: AgentConfig) => inKubernetes(config).pods;
const jobs = (config: AgentConfig) => {
  if (config.executor.type !== 'simpleK8s') throw new Error('expected jobs');
  return config.executor;
};
const placement = (config: AgentConfig, type: string) => placementFor(type, pods(config).scheduling).placement;
const argo = (config: AgentConfig) => {
  if (config.executor.type !== 'argo') throw new Error('expected argo');
  return config.executor;
};

interface Case {
  /** The environment around it. Default: the local executor. */
  readonly base?: Env;
  readonly set: string;
  readonly lands: (config: AgentConfig) => unknown;
  readonly as: unknown;
  /** What it is when unset; left out where it must be set. */
  readonly unset?: unknown;
  /** A text that is refused; left out where any text will do. */
  readonly bad?: string;
  readonly legacy?: readonly string[];
}

const CASES: Readonly<Record<VariableName, Case>> = {
  AGENT_ID: { set: 'eu-prod', lands: (c) => c.agentId, as: 'eu-prod', unset: 'RemoteRunner', bad: 'x'.repeat(257) },
  AUTH_TOKEN: {
    set: testToken({ sub: 'bot' }),
    lands: (c) => c.token.value.reveal(),
    as: testToken({ sub: 'bot' }),
    bad: 'no-jwt',
  },
  TOKEN_AUDIENCE: {
    set: 'runners',
    lands: (c) => c.tokenAudience,
    as: 'runners',
    unset: undefined,
    bad: 'x'.repeat(1025),
  },
  SERVER_URL: {
    set: 'wss://other.example.test:8443/bridge',
    lands: (c) => c.server.socketUrl,
    as: 'wss://other.example.test:8443/bridge',
    bad: 'https://other.example.test',
  },
  SERVER_HOST_API_URL: {
    set: 'https://api.example.test/om/api/',
    lands: (c) => c.server.apiUrl,
    as: 'https://api.example.test/om/api',
    unset: 'https://control.example.test/api',
    bad: 'wss://api.example.test',
  },
  RECONNECT_DELAY_SECONDS: { set: '2.5', lands: (c) => c.server.reconnectFloorMs, as: 2500, unset: 5000, bad: '5s' },
  ALLOW_INSECURE_TRANSPORT: {
    base: { ...LOCAL, SERVER_URL: 'ws://plain.example.test' },
    set: 'yes',
    lands: (c) => c.server.socketUrl,
    as: 'ws://plain.example.test/api/v1/runner-bridge',
    bad: 'ja',
  },
  SERVER_CA_FILE: {
    set: '/etc/ca.pem',
    lands: (c) => c.server.certificateAuthorities,
    as: [FILES['/etc/ca.pem']],
    unset: [],
    bad: '/etc/empty',
  },
  NODE_EXTRA_CA_CERTS: {
    set: '/etc/ca.pem',
    lands: (c) => c.server.certificateAuthorities,
    as: [FILES['/etc/ca.pem']],
    unset: [],
    bad: '/none',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    set: 'http://collector.example.test:4318/',
    lands: (c) => c.tracing?.url.href,
    as: 'http://collector.example.test:4318/v1/traces',
    unset: undefined,
    bad: 'grpc://collector.example.test:4317',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    base: { ...LOCAL, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example.test:4318' },
    set: 'https://traces.example.test/in',
    lands: (c) => c.tracing?.url.href,
    as: 'https://traces.example.test/in',
    unset: 'http://collector.example.test:4318/v1/traces',
    bad: 'traces.example.test',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    base: { ...LOCAL, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example.test:4318' },
    set: 'api-key=a%20b, tenant=one',
    lands: (c) => [...(c.tracing?.headers ?? [])].map(([name, value]) => [name, value.reveal()]),
    as: [
      ['api-key', 'a b'],
      ['tenant', 'one'],
    ],
    unset: [],
    bad: 'api-key',
  },
  OTEL_SERVICE_NAME: {
    base: { ...LOCAL, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example.test:4318' },
    set: 'runner-eu',
    lands: (c) => c.tracing?.serviceName,
    as: 'runner-eu',
    unset: 'hybrid-ingestion-runner',
    bad: 'x'.repeat(257),
  },
  HTTPS_PROXY: {
    set: 'https://proxy.example.test',
    lands: (c) => c.server.proxies.secure?.port,
    as: 443,
    unset: undefined,
    bad: 'socks5://proxy.example.test',
  },
  HTTP_PROXY: {
    set: 'proxy.example.test:3128',
    lands: (c) => c.server.proxies.plain?.origin,
    as: 'http://proxy.example.test:3128',
    unset: undefined,
    bad: 'http://',
  },
  NO_PROXY: {
    set: '.example.test, 10.0.0.0/8 db:5432',
    lands: (c) => c.server.proxies.except,
    as: [
      { kind: 'name', name: 'example.test', port: undefined },
      { kind: 'range', address: '10.0.0.0', bits: 8 },
      { kind: 'name', name: 'db', port: 5432 },
    ],
    unset: [],
    bad: 'http://example.test',
  },
  EXECUTOR_TYPE: {
    base: { ...K8S, LOCAL_EXECUTOR_DIR: '/d' },
    set: 'local',
    lands: (c) => c.executor.type,
    as: 'local',
    unset: 'simpleK8s',
    bad: 'docker',
  },
  LOCAL_EXECUTOR_DIR: {
    set: '/data/runs',
    lands: (c) => c.executor.type === 'local' && c.executor.dir,
    as: '/data/runs',
    bad: 'runs',
  },
  INGESTION_COMMAND: {
    set: '["python", "-m", "my ingestion"]',
    lands: (c) => c.executor.type === 'local' && c.executor.command,
    as: ['python', '-m', 'my ingestion'],
    unset: undefined,
    bad: 'python "my ingestion.py"',
  },
  INGESTION_NAMESPACE: {
    base: K8S,
    set: 'ingestion',
    lands: (c) => inKubernetes(c).namespace,
    as: 'ingestion',
    unset: undefined,
    bad: 'In_gestion',
    legacy: ['ARGO_NAMESPACE'],
  },
  INGESTION_SERVICE_ACCOUNT_NAME: {
    base: K8S,
    set: 'robot.one',
    lands: (c) => pods(c).serviceAccountName,
    as: 'robot.one',
    unset: 'ingestion',
    bad: 'Robot',
    legacy: ['ARGO_WORKFLOW_EXECUTOR_SERVICE_ACCOUNT_NAME'],
  },
  INGESTION_IMAGE: {
    base: { AUTH_TOKEN: testToken({}), SERVER_URL: 'wss://c.example.test', KUBECONFIG: '/etc/kubeconfig' },
    set: 'registry.example.test:5000/team/i:2',
    lands: (c) => pods(c).image.image,
    as: 'registry.example.test:5000/team/i:2',
    bad: '-ingestion',
    legacy: ['ARGO_INGESTION_IMAGE'],
  },
  INGESTION_IMAGE_PULL_SECRETS: {
    base: K8S,
    set: 'one, two,',
    lands: (c) => pods(c).image.pullSecrets,
    as: ['one', 'two'],
    unset: [],
    bad: 'One',
    legacy: ['ARGO_IMAGE_PULL_SECRETS'],
  },
  INGESTION_IMAGE_PULL_POLICY: {
    base: K8S,
    set: 'always',
    lands: (c) => pods(c).image.pullPolicy,
    as: 'Always',
    unset: 'IfNotPresent',
    bad: 'sometimes',
  },
  DYNAMIC_INGESTION_VERSION_ENABLED: {
    base: K8S,
    set: 'false',
    lands: (c) => pods(c).image.dynamicTag,
    as: undefined,
    unset: 'om-{version}-cl-{version}',
    bad: 'off',
  },
  DYNAMIC_INGESTION_VERSION_TEMPLATE: {
    base: K8S,
    set: 'v{version}',
    lands: (c) => pods(c).image.dynamicTag,
    as: 'v{version}',
    unset: 'om-{version}-cl-{version}',
    bad: 'latest',
  },
  INGESTION_DISABLE_VERSION_VALIDATION: {
    set: 'TRUE',
    lands: (c) => c.disableVersionValidation,
    as: true,
    unset: false,
    bad: 'y',
    legacy: ['ARGO_DISABLE_VERSION_VALIDATION'],
  },
  INGESTION_AUTOMOUNT_SA_TOKEN: {
    base: K8S,
    set: 'no',
    lands: (c) => pods(c).automountServiceAccountToken,
    as: false,
    unset: undefined,
    bad: '2',
    legacy: ['ARGO_AUTOMOUNT_SA_TOKEN'],
  },
  INGESTION_EXTRA_ENVS: {
    set: '[A:one,B:http://x:1/?q=a,b]',
    lands: (c) => c.extraEnvs,
    as: [
      { name: 'A', value: 'one' },
      { name: 'B', value: 'http://x:1/?q=a,b' },
    ],
    unset: [],
    bad: '[nothing]',
    legacy: ['ARGO_EXTRA_ENVS', 'ARGO_EXTRA_ENVS_NOOP'],
  },
  INGESTION_CA_CONFIGMAP: {
    base: K8S,
    set: 'company-ca',
    lands: (c) => pods(c).certificateAuthority,
    as: { kind: 'configMap', name: 'company-ca', key: 'ca.crt' },
    unset: undefined,
    bad: 'Company_CA',
  },
  INGESTION_CA_SECRET: {
    base: K8S,
    set: 'company-ca',
    lands: (c) => pods(c).certificateAuthority,
    as: { kind: 'secret', name: 'company-ca', key: 'ca.crt' },
    unset: undefined,
    bad: 'Company_CA',
  },
  INGESTION_CA_KEY: {
    base: { ...K8S, INGESTION_CA_SECRET: 'company-ca' },
    set: 'bundle_1.pem',
    lands: (c) => pods(c).certificateAuthority?.key,
    as: 'bundle_1.pem',
    unset: 'ca.crt',
    bad: '../ca.crt',
  },
  INGESTION_POD_LABELS: {
    base: K8S,
    set: 'team=data, azure.workload.identity/use=true',
    lands: (c) => pods(c).labels,
    as: { team: 'data', 'azure.workload.identity/use': 'true' },
    unset: {},
    bad: 'team=-data-',
  },
  INGESTION_POD_ANNOTATIONS: {
    base: K8S,
    set: '{"example.test/note":"one, two = three"}',
    lands: (c) => pods(c).annotations,
    as: { 'example.test/note': 'one, two = three' },
    unset: {},
    bad: 'no value',
  },
  INGESTION_POD_GRACE_SECONDS: { base: K8S, set: '0', lands: (c) => pods(c).graceSeconds, as: 0, unset: 10, bad: '-1' },
  INGESTION_OPENSHIFT_MODE: {
    base: K8S,
    set: 'true',
    lands: (c) => pods(c).openShift,
    as: true,
    unset: false,
    bad: 'on',
  },
  INGESTION_TTL_SECONDS: {
    base: K8S,
    set: '86400',
    lands: (c) => jobs(c).ttlSeconds,
    as: 86_400,
    unset: 604_800,
    bad: '1d',
  },
  CONFIG_DELIVERY: {
    base: K8S,
    set: 'ConfigMap',
    lands: (c) => jobs(c).delivery,
    as: 'configmap',
    unset: 'auto',
    bad: 'file',
  },
  KUBECONFIG: {
    base: K8S,
    set: '/etc/kubeconfig',
    lands: (c) => jobs(c).cluster,
    as: { kind: 'kubeconfig', path: '/etc/kubeconfig' },
    bad: '~/.kube/config',
  },
  SIMPLEK8S_PIPELINE_TYPE_CONFIGS: {
    base: K8S,
    set: '{"metadata":{"priorityClassName":"low"}}',
    lands: (c) => placement(c, 'metadata').priorityClassName,
    as: 'low',
    unset: undefined,
    bad: '{"metadata":"low"}',
  },
  ARGO_PIPELINE_TYPE_CONFIGS: {
    base: ARGO,
    set: '{"profiler":{"nodeSelector":{"pool":"big"}}}',
    lands: (c) => placement(c, 'profiler').nodeSelector,
    as: { pool: 'big' },
    unset: undefined,
    bad: '{metadata',
  },
  ...resourceCases(),
  PIPELINE_SERVICE_CLIENT_ENDPOINT: {
    base: { ...K8S, EXECUTOR_TYPE: 'argo', ARGO_TOKEN: 'of-argo' },
    set: 'https://argo.example.test:2746/',
    lands: (c) => argo(c).server?.endpoint,
    as: 'https://argo.example.test:2746',
    unset: undefined,
    bad: 'argo:2746',
  },
  ARGO_TOKEN: {
    base: TOKENLESS,
    set: 'opaque',
    lands: (c) => argo(c).server?.token.value.reveal(),
    as: 'opaque',
  },
  ARGO_SERVER_CERTIFICATE_PATH: {
    base: ARGO,
    set: '/etc/ca.pem',
    lands: (c) => argo(c).server?.certificateAuthority,
    as: FILES['/etc/ca.pem'],
    unset: undefined,
    bad: '/none',
  },
  ARGO_SECONDS_AFTER_COMPLETION_TTL: {
    base: ARGO,
    set: '86400',
    lands: (c) => argo(c).secondsAfterCompletion,
    as: 86400,
    unset: 604800,
    bad: '1w',
  },
  ARGO_TEST_CONNECTION_BACKOFF_TIME: {
    base: ARGO,
    set: '3',
    lands: (c) => argo(c).testConnectionBackoffSeconds,
    as: 3,
    unset: 5,
    bad: '-1',
  },
  ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: {
    base: ARGO,
    set: '/etc/container.yaml',
    lands: (c) => argo(c).containerSpecFile,
    as: 'tolerations: []\n',
    unset: undefined,
    bad: '/none',
  },
  ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH: {
    base: ARGO,
    set: '/etc/container.yaml',
    lands: (c) => argo(c).workflowSpecFile,
    as: 'tolerations: []\n',
    unset: undefined,
    bad: 'x.yaml',
  },
  SECRETS_MANAGER: {
    base: K8S,
    set: 'managed-aws',
    lands: (c) => c.secrets.manager,
    as: 'managed-aws',
    unset: 'kubernetes',
    bad: 'vault',
  },
  SECRETS_FILE_DIR: {
    set: '/run/secrets',
    lands: (c) => [c.secrets.manager, c.secrets.fileDir],
    as: ['file', '/run/secrets'],
    unset: ['env', undefined],
    bad: 'secrets',
  },
  SECRETS_PREFLIGHT_REF: {
    set: 'secret:db',
    lands: (c) => c.secrets.preflightReference,
    as: 'secret:db',
    unset: undefined,
    bad: 'not-a-reference',
  },
  SECRETS_PREFLIGHT_IMAGE: {
    base: K8S,
    set: 'example.test/check:1',
    lands: (c) => c.secrets.check,
    as: { manager: 'kubernetes', image: 'example.test/check:1' },
    unset: undefined,
    bad: 'x'.repeat(513),
  },
  PLAINTEXT_SECRETS: { set: 'warn', lands: (c) => c.secrets.plaintext, as: 'warn', unset: 'refuse', bad: 'maybe' },
  MAX_CONCURRENT_RUNS: { set: '3', lands: (c) => c.limits.total, as: 3, unset: 25, bad: '0' },
  MAX_CONCURRENT_RUNS_PER_TYPE: {
    set: 'profiler:2, automation:5',
    lands: (c) => c.limits.types,
    as: { profiler: 2, automation: 5 },
    unset: {},
    bad: 'profiler=2',
  },
  START_DEADLINE_SECONDS: { set: '60', lands: (c) => c.startDeadline.seconds, as: 60, unset: 1800, bad: '1.5' },
  START_DEADLINE_SECONDS_PER_TYPE: {
    set: 'automation:300',
    lands: (c) => c.startDeadline.types,
    as: { automation: 300 },
    unset: {},
    bad: 'automation:5m',
  },
  PERMANENT_GRACE_SECONDS: {
    set: 'image:600,default:0',
    lands: (c) => c.permanentGraceMs,
    as: { image: 600_000, default: 0 },
    unset: {},
    bad: 'images:600',
  },
  RUN_DEADLINE_SECONDS: { set: '60', lands: (c) => c.runDeadlineSeconds, as: 60, unset: undefined, bad: '-60' },
  DRAIN_SECONDS: { set: '0.5', lands: (c) => c.drainMs, as: 500, unset: 25_000, bad: '25s' },
  LOG_LEVEL: { set: 'DEBUG', lands: (c) => c.logLevel, as: 'debug', unset: 'info', bad: 'loud' },
  LISTEN_ADDRESS: {
    set: '127.0.0.1',
    lands: (c) => c.listenAddress,
    as: '127.0.0.1',
    unset: undefined,
    bad: 'localhost',
  },
  HEALTH_PORT: { set: '0', lands: (c) => c.healthPort, as: 0, unset: 8585, bad: '65536' },
  METRICS_SERVER_PORT: { set: '9100', lands: (c) => c.metrics.port, as: 9100, unset: 8989, bad: 'http' },
  PULL_SECRET_STATUS_CONFIGMAP: {
    base: K8S,
    set: 'pull-secret-status',
    lands: (c) => c.pullSecretStatus,
    as: { configMap: 'pull-secret-status', cluster: { kind: 'kubeconfig', path: '/etc/kubeconfig' } },
    unset: undefined,
    bad: 'Status',
  },
  METRICS_SERVER_PATH: { set: '/m', lands: (c) => c.metrics.path, as: '/m', unset: '/metrics', bad: 'metrics' },
};

function resourceCases() {
  const one = (name: string, type: string, part: 'requests' | 'limits', set: string, unset: string): Case => ({
    base: K8S,
    set,
    lands: (c) => placement(c, type).resources?.[part]?.[name],
    as: set,
    unset,
    bad: '1 GB',
    legacy: [
      `ARGO_${type === 'automation' ? 'AUTOMATION_' : ''}WORKFLOW_${name.toUpperCase()}_${part === 'limits' ? 'LIMIT' : 'REQUEST'}`,
    ],
  });
  return {
    INGESTION_CPU_LIMIT: one('cpu', 'metadata', 'limits', '1.5', '1000m'),
    INGESTION_MEMORY_LIMIT: one('memory', 'metadata', 'limits', '8Gi', '4096Mi'),
    INGESTION_CPU_REQUEST: one('cpu', 'metadata', 'requests', '0.5', '1000m'),
    INGESTION_MEMORY_REQUEST: one('memory', 'metadata', 'requests', '1Gi', '4096Mi'),
    INGESTION_AUTOMATION_WORKFLOW_CPU_LIMIT: one('cpu', 'automation', 'limits', '1', '500m'),
    INGESTION_AUTOMATION_WORKFLOW_MEMORY_LIMIT: one('memory', 'automation', 'limits', '1Gi', '512Mi'),
    INGESTION_AUTOMATION_WORKFLOW_CPU_REQUEST: one('cpu', 'automation', 'requests', '100m', '200m'),
    INGESTION_AUTOMATION_WORKFLOW_MEMORY_REQUEST: one('memory', 'automation', 'requests', '128Mi', '256Mi'),
  };
}

const without = (env: Env, name: string): Env =>
  Object.fromEntries(Object.entries(env).filter(([key]) => key !== name));

const ALL = Object.entries(CASES) as readonly (readonly [VariableName, Case])[];
const hasDefault = ([, entry]: readonly [VariableName, Case]) => 'unset' in entry;
const canBeWrong = ([, entry]: readonly [VariableName, Case]) => entry.bad !== undefined;
const hasOldNames = ([, entry]: readonly [VariableName, Case]) => entry.legacy !== undefined;

describe('a variable', () => {
  it.each(ALL)('%s is read', (name, { base = LOCAL, set, lands, as }) => {
    expect(lands(good({ ...base, [name]: set }).config)).toEqual(as);
  });

  it.each(ALL)('%s that is empty or blank is the same as unset', (name, { base = LOCAL }) => {
    const bare = without(base, name);
    for (const empty of ['', '  ']) expect(parse({ ...bare, [name]: empty })).toEqual(parse(bare));
  });

  it.each(ALL.filter(hasDefault))('%s has its default', (name, { base = LOCAL, lands, unset }) => {
    expect(lands(good(without(base, name)).config)).toEqual(unset);
  });

  it.each(ALL.filter(canBeWrong))(
    '%s with a bad value is one problem, which shows no secret',
    (name, { base = LOCAL, bad }) => {
      const found = problems({ ...base, [name]: bad ?? '' }).filter((problem) => problem.variable === name);
      expect(found).toHaveLength(1);
      expect(found[0]?.message).not.toBe('');
      expect(found[0]?.fix).not.toBe('');
      expect(found[0]?.read?.slice(0, 80)).toBe(VARIABLES[name].sensitive === true ? '(hidden)' : bad?.slice(0, 80));
    },
  );

  it.each(ALL.filter(hasOldNames))(
    '%s is also read under its old names, with a warning',
    (name, { base = LOCAL, set, lands, as, legacy = [] }) => {
      for (const old of legacy) {
        const { config, warnings } = good({ ...without(base, name), [old]: set });
        expect(lands(config)).toEqual(as);
        expect(warnings).toContainEqual(expect.objectContaining({ variable: old, fix: `rename it to ${name}` }));
        const both = good({ ...base, [name]: set, [old]: name.includes('ENVS') ? '[Z:1]' : set });
        expect(lands(both.config)).toEqual(as);
        expect(both.warnings).toContainEqual(expect.objectContaining({ variable: old, fix: `remove ${old}` }));
      }
    },
  );

  it('has a test for each of its old names', () => {
    expect(Object.fromEntries(ALL.map(([name, entry]) => [name, entry.legacy]))).toEqual(
      Object.fromEntries(ALL.map(([name]) => [name, VARIABLES[name].legacy])),
    );
  });
});

describe('all problems', () => {
  it('are told at once, each with what was read and how to fix it', () => {
    const found = problems({
      AUTH_TOKEN: '',
      SERVER_URL: 'https://control.example.test',
      MAX_CONCURRENT_RUNS: 'many',
      INGESTION_CPU_LIMIT: '1 core',
      SIMPLEK8S_PIPELINE_TYPE_CONFIGS: '{',
      LOG_LEVEL: 'chatty',
    });
    expect(found.map((problem) => problem.variable).sort()).toEqual([
      'AUTH_TOKEN',
      'INGESTION_CPU_LIMIT',
      'INGESTION_IMAGE',
      'KUBECONFIG',
      'LOG_LEVEL',
      'MAX_CONCURRENT_RUNS',
      'SERVER_URL',
      'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
    ]);
    expect(found.every((problem) => problem.fix.length > 10)).toBe(true);
    expect(found.find((problem) => problem.variable === 'MAX_CONCURRENT_RUNS')?.read).toBe('many');
  });

  it('never hold a token, a password or the value of an extra variable', () => {
    const secret = 'hunter2-not-a-real-secret';
    const result = parse({
      AUTH_TOKEN: secret,
      ARGO_TOKEN: secret,
      SERVER_URL: `wss://bot:${secret}@control.example.test`,
      PIPELINE_SERVICE_CLIENT_ENDPOINT: `https://u:${secret}@argo.example.test`,
      HTTPS_PROXY: `socks5://me:${secret}@proxy.example.test`,
      INGESTION_EXTRA_ENVS: `[${secret}]`,
      ARGO_EXTRA_ENVS: `[KEY:${secret}]`,
      AUTH_TOKN: secret,
    });
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain(secret);
  });
});

describe('the token', () => {
  it('may come from a file', () => {
    const { config } = good({ ...without(LOCAL, 'AUTH_TOKEN'), AUTH_TOKEN_FILE: '/etc/token' });
    expect(config.token.value.reveal()).toBe(testToken({}));
    expect(config.token.file).toBe('/etc/token');
    const withArgo = good({ ...TOKENLESS, ARGO_TOKEN_FILE: '/etc/argo-token' });
    expect(argo(withArgo.config).server?.token.file).toBe('/etc/argo-token');
  });

  it.each([
    [
      'a file that is not there',
      { AUTH_TOKEN: '', AUTH_TOKEN_FILE: '/none' },
      'AUTH_TOKEN_FILE',
      /cannot be read \(ENOENT\)/,
    ],
    ['an empty file', { AUTH_TOKEN: '', AUTH_TOKEN_FILE: '/etc/empty' }, 'AUTH_TOKEN_FILE', /empty/],
    ['both ways at once', { AUTH_TOKEN_FILE: '/etc/token' }, 'AUTH_TOKEN', /and so is AUTH_TOKEN_FILE/],
    ['no token', { AUTH_TOKEN: '' }, 'AUTH_TOKEN', /empty/],
    ['something else', { AUTH_TOKEN: 'Bearer abc' }, 'AUTH_TOKEN', /not a JWT/],
    [
      'an expired one',
      { AUTH_TOKEN: testToken({ exp: NOW / 1000 - 86_400 }) },
      'AUTH_TOKEN',
      /expired on 2026-11-20T00:00:00/,
    ],
    [
      'one for somebody else',
      { AUTH_TOKEN: testToken({ aud: ['web', 'mobile'] }), TOKEN_AUDIENCE: 'runners' },
      'AUTH_TOKEN',
      /another audience \(web, mobile\)/,
    ],
  ])('is refused when it is %s, in one sentence', (_what, env, variable, message) => {
    const found = problems({ ...LOCAL, ...env });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ variable, message: expect.stringMatching(message) as string });
  });

  it('needs neither expiry nor audience', () => {
    expect(
      good({ ...LOCAL, TOKEN_AUDIENCE: 'runners', AUTH_TOKEN: testToken({ sub: 'ingestion-bot' }) }).warnings,
    ).toEqual([]);
  });
});

describe('the executor', () => {
  it.each([
    [{}, 'simpleK8s'],
    [{ PIPELINE_SERVICE_CLIENT_ENDPOINT: 'http://argo.example.test:2746', ARGO_TOKEN: 'of-argo' }, 'argo'],
    [{ EXECUTOR_TYPE: 'simplek8s' }, 'simpleK8s'],
    [{ EXECUTOR_TYPE: 'argo' }, 'argo'],
  ])('for %j is %s', (env, type) => {
    expect(good({ ...K8S, ...env }).config.executor.type).toBe(type);
  });

  it('argo without endpoint works without Argo Server', () => {
    expect(argo(good({ ...K8S, EXECUTOR_TYPE: 'argo' }).config).server).toBeUndefined();
  });

  it('local keeps secrets in files or the environment', () => {
    expect(good({ ...LOCAL, SECRETS_MANAGER: 'env' }).config.secrets.manager).toBe('env');
    expect(problems({ ...K8S, SECRETS_MANAGER: 'file', SECRETS_FILE_DIR: '/s' })).toMatchObject([
      { variable: 'SECRETS_MANAGER' },
    ]);
    expect(problems({ ...LOCAL, SECRETS_MANAGER: 'file' })).toMatchObject([{ variable: 'SECRETS_FILE_DIR' }]);
  });

  it('warns when the secrets manager lacks what it needs in a pod', () => {
    expect(good({ ...K8S, SECRETS_MANAGER: 'managed-azure-kv' }).warnings).toMatchObject([
      { variable: 'INGESTION_EXTRA_ENVS', message: expect.stringContaining('AZURE_KEY_VAULT_NAME') as string },
    ]);
    const env = { SECRETS_MANAGER: 'managed-azure-kv', INGESTION_EXTRA_ENVS: 'AZURE_KEY_VAULT_NAME:vault' };
    expect(good({ ...K8S, ...env }).warnings).toEqual([]);
  });

  it('refuses a secrets manager that does not exist, and takes the older name of db', () => {
    expect(problems({ ...K8S, SECRETS_MANAGER: 'in-memory' })).toMatchObject([{ variable: 'SECRETS_MANAGER' }]);
    expect(good({ ...K8S, SECRETS_MANAGER: 'noop' }).config.secrets.manager).toBe('db');
  });

  it('warns about settings of another executor', () => {
    const { warnings } = good({ ...LOCAL, INGESTION_IMAGE: 'x', ARGO_TOKEN: 'opaque' });
    expect(warnings.map((w) => w.variable).sort()).toEqual(['ARGO_TOKEN', 'INGESTION_IMAGE']);
    expect(good({ ...K8S, ARGO_PIPELINE_TYPE_CONFIGS: '{}' }).warnings[0]?.message).toMatch(/no effect/);
  });

  it('does not warn about what the chart renders empty', () => {
    expect(good({ ...ARGO, SIMPLEK8S_PIPELINE_TYPE_CONFIGS: '' }).warnings).toEqual([]);
  });

  it('warns when ended workflows vanish within an hour', () => {
    expect(good({ ...ARGO, ARGO_SECONDS_AFTER_COMPLETION_TTL: '600' }).warnings[0]?.message).toMatch(/within an hour/);
  });
});

describe('transport without encryption', () => {
  it('is refused beyond this machine', () => {
    const found = problems({ ...LOCAL, SERVER_URL: 'ws://control.example.test' });
    expect(found).toMatchObject([
      { variable: 'SERVER_URL', fix: expect.stringContaining('ALLOW_INSECURE_TRANSPORT=true') as string },
    ]);
    expect(problems({ ...LOCAL, SERVER_HOST_API_URL: 'http://control.example.test' })).toHaveLength(1);
  });

  it.each(['ws://127.0.0.1:8080', 'ws://localhost:8080', 'ws://[::1]:8080'])('is fine for %s', (url) => {
    expect(good({ ...LOCAL, SERVER_URL: url }).warnings).toEqual([]);
  });

  it('is a warning once it was accepted', () => {
    const { warnings } = good({ ...LOCAL, SERVER_URL: 'ws://control.example.test', ALLOW_INSECURE_TRANSPORT: 'true' });
    expect(warnings.map((w) => w.variable)).toEqual(['SERVER_URL', 'SERVER_HOST_API_URL']);
  });
});

describe('names nobody reads', () => {
  it.each([
    ['AUTH_TOKN', 'AUTH_TOKEN'],
    ['AUTH_TOKEN_FLIE', 'AUTH_TOKEN_FILE'],
    ['AGENTID', 'AGENT_ID'],
    ['SERVER_URI', 'SERVER_URL'],
    ['INGESTION_EXTRA_ENV', 'INGESTION_EXTRA_ENVS'],
    ['SIMPLE_K8S_PIPELINE_TYPE_CONFIGS', 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS'],
    ['MAX_CONCURENT_RUNS', 'MAX_CONCURRENT_RUNS'],
  ])('%s is told with what was probably meant: %s', (name, meant) => {
    expect(good({ ...LOCAL, [name]: 'x' }).warnings).toContainEqual(
      expect.objectContaining({ variable: name, fix: `if ${meant} was meant, rename it` }),
    );
  });

  it.each([
    'HOME',
    'PATH',
    'HOSTNAME',
    'KUBERNETES_SERVICE_HOST',
    'ARGO_WORKFLOWS_SERVER_PORT',
    'NODE_ENV',
    'SERVER_PORT',
    'https_proxy',
    'TERM_SESSION_ID',
    'GPG_AGENT_INFO',
  ])('%s is left alone', (name) => {
    expect(good({ ...LOCAL, [name]: name.endsWith('proxy') ? 'http://p.example.test' : 'x' }).warnings).toEqual([]);
  });

  it('that old charts set and that mean nothing any more are told with what replaced them', () => {
    expect(good({ ...K8S, INGESTION_CUSTOMER_TOLERATION: 'x' }).warnings).toMatchObject([
      { variable: 'INGESTION_CUSTOMER_TOLERATION', message: 'is not read any more' },
    ]);
  });
});

it('lower-case proxy variables win, as everywhere', () => {
  const { config } = good({ ...LOCAL, https_proxy: 'http://a.example.test', HTTPS_PROXY: 'http://b.example.test' });
  expect(config.server.proxies.secure?.host).toBe('a.example.test');
});
