import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestNamespace, World } from '@runner/e2e';
import {
  LONG_MS,
  POOL_LABEL,
  WORKLOAD_IMAGE,
  agentRules,
  argoAccess,
  argoEnvironment,
  argoRules,
  argoServerUrl,
  fakeNode,
  hasArgo,
  kubeconfigOfTests,
  newPool,
  openWorld,
} from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * `hybrid-runner doctor` as a process of its own, as the runner's account, against a real cluster and a real control plane.
 * Each trouble that users were told how to find is made here, and doctor has to name it.
 */

const MAIN = fileURLToPath(new URL('../../../../apps/agent/src/main.ts', import.meta.url));
const VALUE = 'not-a-real-password';
const BUSYBOX = 'docker.io/runner/busybox:1';
const ECR_IMAGE = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/ingestion:om-1.13.3-cl-1.13.3';
const LOOKING = [
  { apiGroups: [''], resources: ['nodes', 'namespaces', 'serviceaccounts', 'resourcequotas'], verbs: ['get', 'list'] },
  { apiGroups: ['scheduling.k8s.io'], resources: ['priorityclasses'], verbs: ['get', 'list'] },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'list'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'] },
];

let world: World;
let namespace: TestNamespace;
/** As the chart's Role has it, and with the opt-in ClusterRole of doctor besides. */
let kubeconfigs: { readonly small: string; readonly looking: string };
let token: string;

beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace('doctor');
  await namespace.create('Secret', { metadata: { name: 'shop-db' }, stringData: { value: VALUE } });
  await namespace.create('ServiceAccount', { metadata: { name: 'without-rights' } });
  const small = await namespace.account('small', agentRules(), world.root);
  const looking = await namespace.account('looking', agentRules(), world.root);
  await namespace.grant('looking', LOOKING);
  kubeconfigs = { small, looking };
  token = String((await world.api.call('POST', 'ingestionRunners', { name: 'examined' }))['token']);
});
afterAll(() => world[Symbol.asyncDispose]());

interface Found {
  readonly level: string;
  readonly reason: string;
  readonly message: string;
  readonly fix?: string;
}

interface Answered {
  readonly code: number | null;
  readonly output: string;
  /** `fail token_refused`, … of one check. */
  said(check: string): string;
  /** Messages and fixes of one check. */
  words(check: string): string;
}

async function run(env: Readonly<Record<string, string>>, argv: readonly string[]) {
  const child = spawn(
    process.execPath,
    ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', MAIN, 'doctor', ...argv],
    { env: { PATH: process.env['PATH'] ?? '', ...usual(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = (await once(child, 'close')) as [number | null];
  for (const secret of [token, VALUE]) expect(output + errors).not.toContain(secret);
  return { code, output, errors };
}

async function doctor(
  env: Readonly<Record<string, string>> = {},
  argv: readonly string[] = ['--no-pods'],
): Promise<Answered> {
  const { code, output, errors } = await run(env, ['--json', ...argv]);
  if (output === '') throw new Error(errors);
  const { checks } = JSON.parse(output) as { checks: { id: string; results: Found[] }[] };
  const of = (check: string): readonly Found[] => checks.find(({ id }) => id === check)?.results ?? [];
  return {
    ...{ code, output },
    said: (check) =>
      of(check)
        .map(({ level, reason }) => `${level} ${reason}`)
        .join(', '),
    words: (check) =>
      of(check)
        .map(({ message, fix = '' }) => `${message} ${fix}`)
        .join('\n'),
  };
}

const usual = (): Readonly<Record<string, string>> => ({
  AGENT_ID: 'examined',
  AUTH_TOKEN: token,
  SERVER_URL: world.server.url().replace(/^http/, 'ws'),
  ALLOW_INSECURE_TRANSPORT: 'true',
  EXECUTOR_TYPE: 'simpleK8s',
  KUBECONFIG: kubeconfigs.looking,
  INGESTION_NAMESPACE: namespace.name,
  INGESTION_IMAGE: BUSYBOX,
  DYNAMIC_INGESTION_VERSION_ENABLED: 'false',
  INGESTION_CPU_REQUEST: '5m',
  INGESTION_MEMORY_REQUEST: '32Mi',
  INGESTION_AUTOMATION_WORKFLOW_CPU_REQUEST: '5m',
  INGESTION_AUTOMATION_WORKFLOW_MEMORY_REQUEST: '32Mi',
  SECRETS_MANAGER: 'kubernetes',
  SECRETS_PREFLIGHT_IMAGE: WORKLOAD_IMAGE,
  METRICS_SERVER_PORT: '0',
});

const HEALTHY = [
  ...['dns', 'tcp', 'proxy', 'websocket', 'token', 'server', 'clock', 'cluster', 'rights', 'namespaces'],
  ...['service-account', 'pod-security', 'quota', 'priority-classes', 'placement', 'pull-secrets', 'image'],
  ...['secrets-manager', 'secret'],
];

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  return String(typeof bound === 'object' && bound !== null ? bound.port : 0);
}

describe('doctor, where everything is well', () => {
  it('says so of each thing, reads a reference as workloads do, and leaves runner and cluster as they were', async () => {
    const runner = await world.runner('beside', { namespace, rules: agentRules() });
    const port = await freePort();
    const agent = await runner.activeAgent({ METRICS_SERVER_PORT: port });
    const lines = agent.lines.length;
    const env = { METRICS_SERVER_PORT: port, LISTEN_ADDRESS: '127.0.0.1' };
    const answer = await doctor(env, ['--reference', 'secret:shop-db']);
    for (const check of [...HEALTHY, 'metrics'])
      expect(answer.said(check), answer.words(check)).toMatch(/^ok \w+(, ok \w+)*$/);
    expect(answer.words('secret')).toContain(`as system:serviceaccount:${namespace.name}:ingestion`);
    expect(answer.code).toBe(0);
    await runner.hasRole(agent, 'active');
    expect(agent.lines.slice(lines).filter(({ message }) => /connect/.test(message))).toEqual([]);
    await eventually(
      'nothing of the probes is left',
      async () => (await namespace.list('Job', 'hybrid-ingestion-runner/probe')).length === 0,
      LONG_MS,
    );
    await agent.kill('SIGTERM');
  });

  it('needs no more than the Role of the runner, and names the grant where it may not look', async () => {
    const answer = await doctor({ KUBECONFIG: kubeconfigs.small });
    expect(answer.said('rights')).toBe('ok rights_ok');
    expect(answer.code).toBe(0);
    expect(answer.said('placement')).toBe('warn nodes_unseen');
    expect(answer.words('placement')).toContain('"resources":["nodes"],"verbs":["list"]');
  });

  it('says the same in lines for people', async () => {
    const { code, output } = await run({}, ['--no-pods']);
    expect(code).toBe(0);
    expect(output).toMatch(
      /^ {2}ok {6}rights: All \d+ rights that are used are granted to system:serviceaccount:\S+; .*\.$/m,
    );
    expect(output).toMatch(/^Nothing that fails was found: 0 fail, /m);
  });
});

describe('“the runner shows as Inactive”', () => {
  it('because the token is not one of this server, has expired, or is of another runner', async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = (claims: object): string => [part({ alg: 'RS256' }), part(claims), part('no signature')].join('.');
    const foreign = await doctor({ AUTH_TOKEN: jwt({ sub: 'bot' }) });
    expect(foreign.said('token')).toBe('fail token_refused');
    expect(foreign.code).toBe(1);
    const expired = await doctor({ AUTH_TOKEN: jwt({ exp: 1_700_000_000 }) });
    expect(expired.words('configuration')).toContain('the token expired on 2023-11-14');
    expect(expired.code).toBe(78);
    const bound = await doctor({ AGENT_ID: 'another' });
    expect(bound.said('token')).toBe('fail token_other_runner');
    expect(bound.words('token')).toContain('made for the runner examined');
  });

  it('because nothing answers at the address, or something that is no control plane', async () => {
    const nobody = await doctor({ SERVER_URL: `ws://127.0.0.1:${await freePort()}` });
    expect(nobody.said('tcp')).toBe('fail tcp_refused');
    const other = await doctor({ SERVER_URL: `${argoServerUrl().replace(/^http/, 'ws')}/some/path` });
    expect(other.said('websocket')).toBe('fail other_server');
  });
});

describe('“Could not get the secret value / Forbidden”', () => {
  it.each([
    [
      'the account may not read it',
      { INGESTION_SERVICE_ACCOUNT_NAME: 'without-rights' },
      'secret:shop-db',
      'fail secret_forbidden',
      /without-rights/,
    ],
    [
      'the secret is not where the reference points',
      {},
      'secret:nosuch',
      'fail secret_not_found',
      /secret:\/collate\/hybrid-ingestion-runner\/<name>/,
    ],
    [
      'a path of a cloud is looked up as a Kubernetes Secret',
      {},
      'secret:/collate/hybrid-ingestion-runner/shop',
      'fail secret_malformed_id',
      /set the secrets manager to managed-aws/,
    ],
  ])('because %s', async (_, env, reference, said, words) => {
    const answer = await doctor(env, ['--reference', reference]);
    expect(answer.said('secret'), answer.words('secret')).toBe(said);
    expect(answer.words('secret')).toMatch(words);
  });

  it('because the secrets manager of the cloud is not set, or its identity is missing', async () => {
    await namespace.create('ServiceAccount', {
      metadata: {
        name: 'of-the-cloud',
        annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/reader' },
      },
    });
    const unset = await doctor({ SECRETS_MANAGER: '', INGESTION_SERVICE_ACCOUNT_NAME: 'of-the-cloud' });
    expect(unset.said('secrets-manager')).toBe('warn secrets_manager_not_set');
    expect(unset.words('secrets-manager')).toContain('config.secretsManager');
    const bare = await doctor({
      SECRETS_MANAGER: 'managed-aws',
      INGESTION_EXTRA_ENVS: '[AWS_DEFAULT_REGION:eu-west-1]',
    });
    expect(bare.said('service-account')).toBe('warn service_account_without_identity');
  });
});

describe('“ImagePullBackOff”', () => {
  it('of runs, because the pull secret is missing or has expired', async () => {
    const env = { INGESTION_IMAGE: ECR_IMAGE, INGESTION_IMAGE_PULL_SECRETS: 'omd-registry-credentials' };
    const missing = await doctor(env, []);
    expect(missing.said('pull-secrets')).toBe('fail pull_secret_missing');
    expect(missing.words('pull-secrets')).toContain('kubectl create job --from=cronjob/ecr-registry-helper manual');
    expect(missing.said('image'), missing.words('image')).toBe('fail image_not_pulled');
    const auths = { [ECR_IMAGE.split('/')[0] ?? '']: { auth: Buffer.from(`AWS:${VALUE}`).toString('base64') } };
    await namespace.create('Secret', {
      metadata: {
        name: 'omd-registry-credentials',
        annotations: { 'hybrid-ingestion-runner/expires-at': '2024-01-01T00:00:00.000Z' },
      },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
    });
    const expired = await doctor(env);
    expect(expired.said('pull-secrets')).toBe('fail pull_secret_expired');
    expect(expired.words('pull-secrets')).toContain('expired at 2024-01-01');
  });

  it('of the runner’s own pod, because the registry helper has not run yet', async () => {
    const pod = 'runner-without-image';
    await namespace.create('Pod', {
      metadata: { name: pod, labels: { app: 'hybrid-runner' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: ECR_IMAGE }] },
    });
    await eventually(
      'the pod has no image',
      async () => JSON.stringify((await namespace.find('Pod', pod))?.status ?? {}).includes('Pull'),
      LONG_MS,
    );
    const answer = await doctor();
    expect(answer.said('agent-pods'), answer.words('agent-pods')).toBe('fail agent_pod_image');
    expect(answer.words('agent-pods')).toContain('kubectl create job --from=cronjob/ecr-registry-helper manual');
    await namespace.remove('Pod', pod, { graceSeconds: 0 });
  });
});

describe('runs that stay pending', () => {
  it('because every node they select has a taint: the value that doctor gives places them', async () => {
    const pool = newPool();
    const taints = [{ key: 'dedicated', value: 'ingestion', effect: 'NoSchedule' }];
    await using node = await fakeNode(world.cluster, { pool, taints, state: 'ready' });
    const selecting = JSON.stringify({ metadata: { nodeSelector: { [POOL_LABEL]: pool } } });
    const answer = await doctor({ SIMPLEK8S_PIPELINE_TYPE_CONFIGS: selecting }, []);
    expect(answer.said('placement')).toBe('ok placement_ok, warn types_unplaceable');
    expect(answer.words('placement')).toContain('dedicated=ingestion:NoSchedule');
    expect(answer.said('image'), answer.words('image')).toBe('fail pod_waits');
    expect(answer.words('image')).toContain('untolerated_taint');
    const [, json = ''] = /SIMPLEK8S_PIPELINE_TYPE_CONFIGS='([^']+)'/.exec(answer.words('placement')) ?? [];
    const mended = await doctor({ SIMPLEK8S_PIPELINE_TYPE_CONFIGS: json });
    expect(mended.said('placement')).toBe('ok placement_ok, ok placement_ok');
    expect(mended.words('placement')).toContain(`metadata can go to ${node.name}`);
  });

  it('because a quota is too small, a priority class or the service account does not exist', async () => {
    const poor = await world.namespace('doctor-poor');
    await poor.create('ResourceQuota', { metadata: { name: 'team' }, spec: { hard: { 'limits.memory': '64Mi' } } });
    await eventually(
      'the quota is counted',
      async () => JSON.stringify((await poor.find('ResourceQuota', 'team'))?.status ?? {}).includes('hard'),
      LONG_MS,
    );
    const answer = await doctor(
      {
        KUBECONFIG: kubeconfigOfTests(),
        INGESTION_NAMESPACE: poor.name,
        INGESTION_SERVICE_ACCOUNT_NAME: 'nobody',
        SIMPLEK8S_PIPELINE_TYPE_CONFIGS: '{"metadata":{"priorityClassName":"no-such-class"}}',
      },
      [],
    );
    expect(answer.said('quota')).toContain('fail quota_too_small');
    expect(answer.said('priority-classes')).toBe('fail priority_class_missing');
    expect(answer.said('service-account')).toBe('fail service_account_missing');
    expect(answer.said('image'), answer.words('image')).toBe('fail pod_refused');
  });

  it('because rights are missing, or the namespace is', async () => {
    const rules = agentRules().filter(
      ({ resources, verbs }) => !(resources.includes('jobs') && verbs.includes('create')),
    );
    const kubeconfig = await namespace.account('without-create', rules, world.root);
    const answer = await doctor({ KUBECONFIG: kubeconfig }, []);
    expect(answer.said('rights')).toBe('fail right_missing');
    expect(answer.words('rights')).toContain('{"apiGroups":["batch"],"resources":["jobs"],"verbs":["create"]}');
    expect(answer.said('image')).toBe('warn image_forbidden');
    const absent = await doctor({ INGESTION_NAMESPACE: 'runner-no-such-namespace' });
    expect(absent.said('namespaces')).toContain('fail namespace_missing');
  });
});

describe.skipIf(!hasArgo())('doctor, of Argo', () => {
  const withArgo = (argoToken: string) => ({
    EXECUTOR_TYPE: 'argo',
    KUBECONFIG: kubeconfigOfTests(),
    PIPELINE_SERVICE_CLIENT_ENDPOINT: argoServerUrl(),
    ARGO_TOKEN: argoToken,
  });

  it('knows the definitions, the controller where it may be seen, and the server with a token that is good', async () => {
    await namespace.create('ServiceAccount', { metadata: { name: 'argo-user' } });
    const rules = [{ apiGroups: ['argoproj.io'], resources: ['workflows'], verbs: ['list'] }];
    await namespace.allow('argo-user', 'argo-user', rules);
    const answer = await doctor(withArgo(await namespace.token('argo-user')));
    expect(answer.said('argo-definitions')).toBe('ok argo_definitions_ok');
    expect(answer.said('argo-controller')).toMatch(/^(ok argo_controller_ok|warn argo_controller_unknown)/);
    expect(answer.said('argo-server'), answer.words('argo-server')).toBe('ok argo_server_ok');
  });

  it('tells a token that is refused, one without rights, and a server that is away', async () => {
    const refused = await doctor(withArgo('not-a-token'));
    expect(refused.said('argo-server'), refused.words('argo-server')).toBe('fail argo_token_refused');
    const poor = await doctor(withArgo(await namespace.token('without-rights')));
    expect(poor.said('argo-server'), poor.words('argo-server')).toBe('fail argo_token_forbidden');
    const away = { PIPELINE_SERVICE_CLIENT_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
    const nobody = await doctor({ ...withArgo('not-a-token'), ...away });
    expect(nobody.said('argo-server'), nobody.words('argo-server')).toBe('fail argo_server_unreachable');
  });
});

describe.skipIf(!hasArgo())('doctor, of runs as Workflows', () => {
  it('tries image and reference in Workflows, with the rights of the runner alone, and leaves none behind', async () => {
    const apart = await world.namespace('doctor-argo');
    await apart.create('Secret', { metadata: { name: 'shop-db' }, stringData: { value: VALUE } });
    const access = await argoAccess(apart, argoRules('crd'), world.root);
    const env = { ...argoEnvironment('crd', access), INGESTION_NAMESPACE: apart.name };
    const answer = await doctor(env, ['--reference', 'secret:shop-db']);
    expect(answer.said('rights'), answer.words('rights')).toBe('ok rights_ok');
    expect(answer.said('image'), answer.words('image')).toBe('ok image_ok');
    expect(answer.said('secret'), answer.words('secret')).toBe('ok secret_readable');
    // Without any way to the API server the Argo Server is enough.
    const alone = { ...argoEnvironment('server', access), INGESTION_NAMESPACE: apart.name };
    const over = await doctor(alone, ['--reference', 'secret:shop-db']);
    expect(over.said('cluster')).toBe('skipped cluster_not_asked');
    expect(over.said('image'), over.words('image')).toBe('ok image_ok');
    expect(over.said('secret'), over.words('secret')).toBe('ok secret_readable');
    await eventually('nothing of the probes is left', async () => (await apart.list('Workflow')).length === 0, LONG_MS);
  });
});

describe('the bundle', () => {
  it('holds what a report needs of this namespace, and no secret of it', async () => {
    const config = 'not-a-real-config';
    await namespace.create('Job', {
      metadata: { name: 'bundled', labels: { 'hybrid-ingestion-runner/agent': 'examined' } },
      spec: {
        suspend: true,
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'main', image: BUSYBOX, env: [{ name: 'config', value: config }] }],
          },
        },
      },
    });
    const path = join(world.root, 'bundle.json');
    await writeFile(path, 'of before');
    const { errors } = await run({}, ['--no-pods', '--bundle', path]);
    expect(errors).toContain('Look through it');
    const text = await readFile(path, 'utf8');
    for (const secret of [token, VALUE, config]) expect(text).not.toContain(secret);
    const bundle = JSON.parse(text) as { objects: { jobs: unknown[] }; configuration: Record<string, string> };
    expect(bundle.configuration['AUTH_TOKEN']).toMatch(/^\(hidden/);
    expect(JSON.stringify(bundle.objects.jobs)).toContain('"name":"bundled"');
    expect(bundle).toMatchObject({ format: 'hybrid-runner-doctor/1', report: { exitCode: 0 } });
  });
});
