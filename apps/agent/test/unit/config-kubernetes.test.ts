import { describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '@runner/agent/config';
import type { AgentConfig, Finding } from '@runner/agent/config';
import { placementFor } from '@runner/scheduling';
import { testToken } from '../tokens.ts';

const NOW = Date.UTC(2026, 10, 21);
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const FILES: Readonly<Record<string, string>> = {
  '/etc/kubeconfig': 'apiVersion: v1\nkind: Config\n',
  '/etc/empty': '\n',
  '/etc/container.yaml': 'tolerations: []\n',
};
type Env = Record<string, string>;
const BASE: Env = {
  AUTH_TOKEN: testToken({}),
  SERVER_URL: 'wss://control.example.test',
  INGESTION_IMAGE: 'example/ingestion:1',
};
const JOBS: Env = { ...BASE, KUBECONFIG: '/etc/kubeconfig' };
const SERVER = 'http://argo.example.test:2746';
const ARGO: Env = {
  ...BASE,
  PIPELINE_SERVICE_CLIENT_ENDPOINT: SERVER,
  ARGO_TOKEN: 'of-argo',
  INGESTION_NAMESPACE: 'ingestion',
};

const parse = (env: Env, files = FILES) => {
  const readFile = (path: string): string => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return content;
  };
  return parseConfig(env, readFile, NOW);
};
function good(env: Env, files = FILES): { readonly config: AgentConfig; readonly warnings: readonly Finding[] } {
  const result = parse(env, files);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}
function problems(env: Env, files = FILES): readonly Finding[] {
  const result = parse(env, files);
  if (result.ok) throw new Error('expected problems');
  return result.problems;
}
const told = (findings: readonly Finding[]): readonly string[] => findings.map((f) => `${f.variable} ${f.message}`);
const jobs = (config: AgentConfig) => {
  if (config.executor.type !== 'simpleK8s') throw new Error('expected jobs');
  return config.executor;
};
const text = (pattern: RegExp) => expect.stringMatching(pattern) as string;

describe('the way to the cluster', () => {
  it('is the service account in a pod', () => {
    const env = { ...BASE, KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const { config } = good(env, { ...FILES, [SERVICE_ACCOUNT]: 'token' });
    expect(jobs(config).cluster).toEqual({ kind: 'inCluster' });
  });

  it('is a kubeconfig that is named, even in a pod', () => {
    const env = { ...JOBS, KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const { config } = good(env, { ...FILES, [SERVICE_ACCOUNT]: 'token' });
    expect(jobs(config).cluster).toEqual({ kind: 'kubeconfig', path: '/etc/kubeconfig' });
  });

  it.each([
    ['nowhere to be found', BASE, /is not set, and this is no pod/],
    ['a pod without a token', { ...BASE, KUBERNETES_SERVICE_HOST: '10.0.0.1' }, /no service account token/],
    ['a file that is missing', { ...BASE, KUBECONFIG: '/etc/none' }, /cannot be read \(ENOENT\)/],
    ['an empty file', { ...BASE, KUBECONFIG: '/etc/empty' }, /names a file that is empty/],
  ])('that is %s is one problem', (_what, env, message) => {
    expect(problems(env)).toMatchObject([{ variable: 'KUBECONFIG', message: text(message) }]);
  });

  it('is not looked for with another executor', () => {
    expect(good({ ...BASE, EXECUTOR_TYPE: 'local', LOCAL_EXECUTOR_DIR: '/d', INGESTION_IMAGE: '' }).warnings).toEqual(
      [],
    );
  });
});

const TOLERATION = { key: 'nodetype', operator: 'Equal', value: 'runner', effect: 'NoSchedule' };

describe('the way to Workflows', () => {
  const IN_POD = { files: { ...FILES, [SERVICE_ACCOUNT]: 'token' }, env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } };
  it.each([
    ['an Argo Server alone', ARGO, FILES, { server: true, cluster: undefined }],
    [
      'an Argo Server and the pod it is in',
      { ...ARGO, ...IN_POD.env },
      IN_POD.files,
      { server: true, cluster: 'inCluster' },
    ],
    [
      'an Argo Server, from a pod without a token',
      { ...ARGO, ...IN_POD.env },
      FILES,
      { server: true, cluster: undefined },
    ],
    [
      'an Argo Server and a kubeconfig',
      { ...ARGO, KUBECONFIG: '/etc/kubeconfig' },
      FILES,
      { server: true, cluster: 'kubeconfig' },
    ],
    [
      'the pod alone',
      { ...BASE, ...IN_POD.env, EXECUTOR_TYPE: 'argo' },
      IN_POD.files,
      { server: false, cluster: 'inCluster' },
    ],
    ['a kubeconfig alone', { ...JOBS, EXECUTOR_TYPE: 'argo' }, FILES, { server: false, cluster: 'kubeconfig' }],
  ])('is %s', (_what, env, files, { server, cluster }) => {
    const { executor } = good(env, files).config;
    if (executor.type !== 'argo') throw new Error('expected argo');
    expect({ server: executor.server?.endpoint, cluster: executor.cluster?.kind }).toEqual({
      server: server ? SERVER : undefined,
      cluster,
    });
  });

  it.each([
    ['no server and no cluster', { ...BASE, EXECUTOR_TYPE: 'argo' }, 'KUBECONFIG', /no way to a cluster/],
    ['a kubeconfig that is missing', { ...ARGO, KUBECONFIG: '/etc/none' }, 'KUBECONFIG', /ENOENT/],
    ['a server and no namespace', { ...ARGO, INGESTION_NAMESPACE: '' }, 'INGESTION_NAMESPACE', /is not set/],
    [
      'a certificate that is missing',
      { ...ARGO, ARGO_SERVER_CERTIFICATE_PATH: '/none' },
      'ARGO_SERVER_CERTIFICATE_PATH',
      /ENOENT/,
    ],
    ['no token', { ...ARGO, ARGO_TOKEN: '' }, 'ARGO_TOKEN', /is not set/],
    [
      'a token file that is missing',
      { ...ARGO, ARGO_TOKEN: '', ARGO_TOKEN_FILE: '/none' },
      'ARGO_TOKEN_FILE',
      /ENOENT/,
    ],
    [
      'an address that is none',
      { ...ARGO, PIPELINE_SERVICE_CLIENT_ENDPOINT: 'argo:2746' },
      'PIPELINE_SERVICE_CLIENT_ENDPOINT',
      /./,
    ],
  ])('is refused with %s', (_what, env, variable, message) => {
    expect(problems(env)).toMatchObject([{ variable, message: text(message) }]);
  });
});

describe('texts that Argo would take for templates', () => {
  it.each([
    ['INGESTION_EXTRA_ENVS', '[A:plain,B:{{workflow.name}}]'],
    ['ARGO_EXTRA_ENVS', '[B:{{workflow.name}}]'],
    ['INGESTION_POD_ANNOTATIONS', 'note={{x}}'],
    ['INGESTION_POD_ANNOTATIONS', String.raw`{"note":"\u007b{x}}"}`],
    ['ARGO_PIPELINE_TYPE_CONFIGS', '{"metadata":{"nodeSelector":{"pool":"{{x}}"}}}'],
  ])('are refused in %s: %s', (variable, value) => {
    const found = problems({ ...ARGO, [variable]: value }).filter(({ message }) =>
      message.includes('template_in_value'),
    );
    expect(found).toMatchObject([{ variable, read: undefined, fix: text(/no way to escape/) }]);
    expect(JSON.stringify(found)).not.toContain('workflow.name');
  });

  it.each([
    ['INGESTION_IMAGE', 'example/{{x}}:1'],
    ['DYNAMIC_INGESTION_VERSION_TEMPLATE', 'om-{{version}}'],
    ['INGESTION_POD_LABELS', 'team={{x}}'],
  ])('are refused in %s by its form', (variable, value) => {
    expect(problems({ ...ARGO, [variable]: value })).toMatchObject([{ variable }]);
  });

  it('are plain texts for Jobs', () => {
    const env = { ...JOBS, INGESTION_EXTRA_ENVS: '[B:{{x}}]', INGESTION_POD_ANNOTATIONS: 'note={{x}}' };
    expect(jobs(good(env).config).pods.extraEnvironment).toEqual([{ name: 'B', value: '{{x}}' }]);
  });
});

describe('override files', () => {
  const [CONTAINER, WORKFLOW] = [
    'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH',
    'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH',
  ] as const;
  const load = (container: string, workflow = '', env: Env = {}) => {
    const files: Readonly<Record<string, string>> = { ...FILES, '/c.yaml': container, '/w.yaml': workflow };
    return loadConfig(
      { ...ARGO, [CONTAINER]: '/c.yaml', [WORKFLOW]: '/w.yaml', ...env },
      (path) => files[path] ?? '',
      NOW,
    );
  };
  const found = async (...texts: Parameters<typeof load>): Promise<readonly Finding[]> => {
    const result = await load(...texts);
    if (result.ok) throw new Error('expected problems');
    return result.problems;
  };

  it('are taken as they are', async () => {
    const result = await load('imagePullPolicy: Always\n', 'schedulerName: other\n');
    expect(result).toMatchObject({ ok: true, warnings: [] });
    expect(await load('', '# nothing\n')).toMatchObject({ ok: true });
  });

  it.each([
    ['is no YAML', 'a: [1\nb: 2\n', /line 2/],
    ['sets what the contract owns', 'imagePullPolicy: Always\ncommand: [sh]\n', /command.*line 2/],
    ['sets a variable of the contract', 'env:\n  - name: config\n    value: mine\n', /config.*line 2/],
    ['holds a template', 'env:\n  - name: A\n    value: "{{workflow.name}}"\n', /\{\{.*line 3/],
    ['asks for more than its limit', 'resources:\n  requests: {cpu: 2}\n  limits: {cpu: 1}\n', /line 2/],
  ])('that %s is refused with the line', async (_what, container, message) => {
    expect(await found(container)).toMatchObject([{ variable: CONTAINER, read: '/c.yaml', message: text(message) }]);
  });

  it('are told together with everything else that is wrong', async () => {
    const all = await found('command: [sh]\nname: x\n', 'templates: []\n', { MAX_CONCURRENT_RUNS: 'many' });
    expect(all.map(({ variable }) => variable).sort()).toEqual([CONTAINER, CONTAINER, WORKFLOW, 'MAX_CONCURRENT_RUNS']);
  });
});

describe('placement by pipeline type', () => {
  it('is taken for the types that have an entry, and the others are named once', () => {
    const entry = { tolerations: [TOLERATION], nodeSelector: { nodetype: 'runner' } };
    const { config, warnings } = good({
      ...JOBS,
      SIMPLEK8S_PIPELINE_TYPE_CONFIGS: JSON.stringify({ automation: entry }),
    });
    expect(placementFor('automation', jobs(config).pods.scheduling).placement).toMatchObject(entry);
    expect(placementFor('metadata', jobs(config).pods.scheduling).placement.tolerations).toBeUndefined();
    expect(warnings).toMatchObject([
      {
        variable: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
        message: text(/no entry for metadata, usage, lineage.*policyAgent:/),
      },
    ]);
  });

  it('is refused with every problem at once, each with its place and the fix', () => {
    const value = JSON.stringify({
      metadata: {
        tolerations: [{ ...TOLERATION, operator: 'Equals', effect: 'Never' }],
        priorityClassName: 'Very High',
      },
      profiler: { resources: { requests: { memory: '8Gi' }, limits: { memory: '4Gb' } } },
    });
    const found = problems({ ...JOBS, SIMPLEK8S_PIPELINE_TYPE_CONFIGS: value });
    expect(new Set(found.map((problem) => problem.variable))).toEqual(new Set(['SIMPLEK8S_PIPELINE_TYPE_CONFIGS']));
    for (const place of [
      'metadata.tolerations[0].operator',
      'metadata.tolerations[0].effect',
      'metadata.priorityClassName',
      'profiler.resources.limits.memory',
    ]) {
      expect(told(found)).toContainEqual(expect.stringContaining(`at ${place} `) as string);
    }
    expect(found.every((problem) => problem.fix.length > 5)).toBe(true);
  });

  it('with a misspelt type or field works, with a warning that names the nearest', () => {
    const value = JSON.stringify({ metdata: {}, metadata: { nodeSelectors: {} } });
    const { warnings } = good({ ...JOBS, SIMPLEK8S_PIPELINE_TYPE_CONFIGS: value });
    expect(warnings.map((warning) => warning.fix).join(' ')).toMatch(/"metadata".*"?nodeSelector"?/);
  });

  it('in the variable of the other executor is one warning, whatever stands in it', () => {
    expect(good({ ...JOBS, ARGO_PIPELINE_TYPE_CONFIGS: '{"metadata":{}}' }).warnings).toMatchObject([
      {
        variable: 'ARGO_PIPELINE_TYPE_CONFIGS',
        message: text(/no effect/),
        fix: text(/SIMPLEK8S_PIPELINE_TYPE_CONFIGS/),
      },
    ]);
    expect(good({ ...ARGO, SIMPLEK8S_PIPELINE_TYPE_CONFIGS: 'not even JSON' }).warnings).toMatchObject([
      { variable: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS', fix: text(/ARGO_PIPELINE_TYPE_CONFIGS/) },
    ]);
  });
});

describe('requests above limits', () => {
  it('of one variable and a built-in value are named by the variable that asks', () => {
    expect(problems({ ...JOBS, INGESTION_MEMORY_LIMIT: '2Gi' })).toMatchObject([
      { variable: 'INGESTION_MEMORY_REQUEST', message: text(/4096Mi.*2Gi/) },
    ]);
  });

  it('of a variable and an entry are named by the entry', () => {
    const value = '{"profiler":{"resources":{"requests":{"memory":"16Gi"}}}}';
    expect(told(problems({ ...JOBS, SIMPLEK8S_PIPELINE_TYPE_CONFIGS: value }))).toEqual([
      text(/^SIMPLEK8S_PIPELINE_TYPE_CONFIGS at profiler\.resources\.requests\.memory asks for 16Gi/),
    ]);
  });

  it('of two variables are told once, under the old name when that was used', () => {
    const found = problems({ ...JOBS, ARGO_WORKFLOW_CPU_REQUEST: '3', INGESTION_CPU_LIMIT: '2' });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ variable: 'ARGO_WORKFLOW_CPU_REQUEST', read: '3' });
  });
});

describe("settings that are somebody else's", () => {
  it('are told for the override files of Argo, with what serves Jobs instead', () => {
    const env = { ...JOBS, ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: '/etc/container.yaml' };
    expect(good(env).warnings).toMatchObject([
      {
        variable: 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH',
        message: text(/no effect/),
        fix: text(/SIMPLEK8S_PIPELINE_TYPE_CONFIGS/),
      },
    ]);
  });

  it('are left out of the labels of pods', () => {
    const env = { ...JOBS, INGESTION_POD_LABELS: 'app.kubernetes.io/run-id=mine,team=data' };
    const { config, warnings } = good(env);
    expect(jobs(config).pods.labels).toEqual({ team: 'data' });
    expect(warnings).toMatchObject([{ variable: 'INGESTION_POD_LABELS', message: text(/run-id.*left out/) }]);
  });

  it('are left out of the extra variables', () => {
    const { config, warnings } = good({ ...JOBS, INGESTION_EXTRA_ENVS: '[config:{},pipelineRunId:mine,A:b]' });
    expect(jobs(config).pods.extraEnvironment).toEqual([{ name: 'A', value: 'b' }]);
    expect(told(warnings)).toEqual([text(/config was left out/), text(/pipelineRunId was left out/)]);
    expect(JSON.stringify(warnings)).not.toContain('mine');
  });
});

describe('the secrets manager of the workloads', () => {
  it.each([
    ['managed-aws', '[AWS_REGION:eu-west-1]', { region: 'eu-west-1' }],
    ['aws-ssm', '[AWS_DEFAULT_REGION:eu-west-1,AWS_REGION:eu-west-2]', { region: 'eu-west-1' }],
    ['azure-kv', '[AZURE_KEY_VAULT_NAME:vault]', { vaultName: 'vault' }],
    ['gcp', '[GOOGLE_CLOUD_PROJECT:project]', { project: 'project' }],
    ['kubernetes', '[KUBERNETES_NAMESPACE:secrets]', { namespace: 'secrets' }],
  ])('%s gets what %s says', (provider, extra, settings) => {
    const { config, warnings } = good({ ...JOBS, SECRETS_MANAGER: provider, INGESTION_EXTRA_ENVS: extra });
    expect(jobs(config).pods.secretsManager).toEqual({ provider, ...settings });
    expect(warnings).toEqual([]);
  });
});

it('ended Jobs that vanish within an hour are a warning', () => {
  expect(good({ ...JOBS, INGESTION_TTL_SECONDS: '3599' }).warnings).toMatchObject([
    { variable: 'INGESTION_TTL_SECONDS', message: text(/within an hour/) },
  ]);
  expect(good({ ...JOBS, INGESTION_TTL_SECONDS: '3600' }).warnings).toEqual([]);
});

describe('certificate authorities of the workloads', () => {
  it('come from one object, for Jobs and for Workflows', () => {
    const both = { INGESTION_CA_CONFIGMAP: 'company-ca', INGESTION_CA_SECRET: 'company-ca' };
    for (const env of [JOBS, ARGO]) {
      expect(told(problems({ ...env, ...both }))).toEqual([
        'INGESTION_CA_SECRET is set together with INGESTION_CA_CONFIGMAP',
      ]);
      const { config } = good({ ...env, INGESTION_CA_CONFIGMAP: 'company-ca', INGESTION_CA_KEY: 'bundle.pem' });
      expect(config.executor).toMatchObject({
        pods: { certificateAuthority: { kind: 'configMap', name: 'company-ca', key: 'bundle.pem' } },
      });
    }
  });

  it('say when a key belongs to no object', () => {
    expect(told(good({ ...JOBS, INGESTION_CA_KEY: 'bundle.pem' }).warnings)).toEqual([
      'INGESTION_CA_KEY has no effect: neither INGESTION_CA_CONFIGMAP nor INGESTION_CA_SECRET is set',
    ]);
    expect(good({ ...JOBS, INGESTION_CA_KEY: 'ca.crt' }).warnings).toEqual([]);
  });
});

describe('an image', () => {
  it.each([
    'ingestion',
    'openmetadata/ingestion:1.9.0',
    'registry.example.test:5000/a/b-c__d/e.f:om-1.11.1-cl-1.11.1',
    `localhost/ingestion@sha256:${'a'.repeat(64)}`,
    '[::1]:5000/ingestion:1',
  ])('such as %s is taken', (image) => {
    expect(jobs(good({ ...JOBS, INGESTION_IMAGE: image }).config).pods.image.image).toBe(image);
  });

  it.each([
    'Ingestion:1',
    'a b',
    '--privileged',
    'a/:1',
    'a:tag:tag',
    'ünïcode',
    `a:${'t'.repeat(300)}`,
    'a@sha256:12',
  ])('such as %s is refused', (image) => {
    expect(problems({ ...JOBS, INGESTION_IMAGE: image })).toMatchObject([{ variable: 'INGESTION_IMAGE' }]);
  });
});

describe('texts for pods', () => {
  it.each(['team', '=x', 'team=a,team=b', '{"team":1}', '{"team"', '-x=1', `${'n'.repeat(64)}=1`])(
    'such as %s are refused',
    (labels) => {
      expect(problems({ ...JOBS, INGESTION_POD_LABELS: labels })).toMatchObject([{ variable: 'INGESTION_POD_LABELS' }]);
      expect(problems({ ...JOBS, INGESTION_POD_ANNOTATIONS: labels })).toHaveLength(1);
    },
  );
});
