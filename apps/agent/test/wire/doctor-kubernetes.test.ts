import { CONFIG_MAPS, EVENTS, JOBS, PODS, SECRETS } from '@runner/kube';
import type { ResourceType } from '@runner/kube';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { TestApiServer, TestCluster, TestRight } from '@runner/kube/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ACCOUNTS,
  DEFINITIONS,
  DEPLOYMENTS,
  NAMESPACES,
  NODES,
  PRIORITY_CLASSES,
  QUOTAS,
} from '../../src/doctor/looking.ts';
import { agentRights } from '../doctor-rights.ts';
import type { Answered } from '../doctor.ts';
import { doctor, localEnvironment } from '../doctor.ts';

const NAMESPACE = 'ingestion';
const IMAGE = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/ingestion:om-1.13.3-cl-1.13.3';
const HOUR_MS = 3_600_000;

let server: TestApiServer;
let cluster: TestCluster;
const local = localEnvironment('ws://127.0.0.1:1');
let kubeconfigs = 0;

beforeAll(async () => {
  server = await startTestApiServer({ namespaces: [NAMESPACE], kinds: [DEPLOYMENTS, DEFINITIONS] });
  cluster = startTestCluster(server, { secondMs: 50 });
  // Every program ends as soon as it began.
  server.onChange((type, event, { metadata }) => {
    const job = metadata?.labels?.['job-name'];
    if (type.kind === PODS.kind && event === 'ADDED' && job !== undefined) cluster.exit(job, 0);
  });
});
afterAll(async () => {
  local[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(() => {
  const kinds: readonly ResourceType[] = [QUOTAS, SECRETS, CONFIG_MAPS, PRIORITY_CLASSES, NODES, PODS, ACCOUNTS];
  for (const kind of kinds)
    for (const { metadata } of server.objects(kind))
      server.remove(kind, metadata?.namespace ?? '', metadata?.name ?? '');
  server.put(NAMESPACES, { metadata: { name: NAMESPACE } });
  server.put(ACCOUNTS, { metadata: { namespace: NAMESPACE, name: 'ingestion' } });
  server.put(NODES, { metadata: { name: 'worker' } });
  cluster.trouble(undefined);
});

interface Asking {
  readonly env?: Readonly<Record<string, string>>;
  /** Undefined: everything. */
  readonly rights?: readonly TestRight[];
  readonly argv?: readonly string[];
  readonly namespace?: string;
}

async function ask({ env = {}, rights, argv = ['--no-pods'], namespace = NAMESPACE }: Asking = {}): Promise<Answered> {
  kubeconfigs += 1;
  const kubeconfig = local.file(`kubeconfig-${kubeconfigs}`, server.kubeconfig(rights, namespace));
  const usual = {
    AUTH_TOKEN: local.env['AUTH_TOKEN'] ?? '',
    SERVER_URL: 'ws://127.0.0.1:1',
    METRICS_SERVER_PORT: '0',
    EXECUTOR_TYPE: 'simpleK8s',
    INGESTION_IMAGE: IMAGE,
    DYNAMIC_INGESTION_VERSION_ENABLED: 'false',
    INGESTION_MEMORY_REQUEST: '1Gi',
    INGESTION_MEMORY_LIMIT: '1Gi',
  };
  return await doctor({ ...usual, ...env }, ['--kubeconfig', kubeconfig, ...argv]);
}

const KUBERNETES = [
  ...['cluster', 'rights', 'namespaces', 'service-account', 'pod-security', 'quota', 'priority-classes', 'placement'],
  'pull-secrets',
];

describe('doctor, in a cluster where everything is well', () => {
  it('says so of each thing, creating nothing', async () => {
    const before = server.calls.length;
    const answer = await ask();
    for (const check of KUBERNETES) expect(answer.said(check), check).toMatch(/^ok \w+$/);
    const verbs = new Set(server.calls.slice(before).map(({ verb, resource }) => `${verb} ${resource}`));
    const changing = [...verbs].filter((call) => !/^(get|list) |selfsubject(access)?reviews/.test(call));
    expect(changing).toEqual([]);
  });

  it('runs true in a pod like those of runs, and leaves nothing behind', async () => {
    let seen: unknown;
    const stop = server.onChange((type, event, object) => {
      if (type.kind === JOBS.kind && event === 'ADDED') seen = object;
    });
    const answer = await ask({ argv: [] });
    stop();
    expect(answer.said('image')).toBe('ok image_ok');
    expect(seen).toMatchObject({
      spec: { template: { spec: { containers: [{ image: IMAGE, command: ['true'], env: [] }] } } },
    });
    expect(JSON.stringify(seen)).not.toMatch(/run-id|hybrid-ingestion-runner\/agent/);
    expect(server.objects(JOBS)).toEqual([]);
  });

  it('needs no more rights than the runner has, and names the grant where it may not look', async () => {
    const answer = await ask({ rights: await agentRights(NAMESPACE), argv: [] });
    expect(answer.said('rights')).toBe('ok rights_ok');
    expect(answer.said('image')).toBe('ok image_ok');
    const unseen = ['namespaces', 'service-account', 'pod-security', 'quota', 'placement'];
    for (const check of unseen) {
      expect(answer.said(check), check).toMatch(/^warn \w+_unseen$/);
      expect(answer.of(check)[0]?.fix, check).toMatch(/"verbs":\["(get|list)"\]/);
    }
  });
});

describe('doctor, of the cluster itself', () => {
  it('tells one that cannot be asked, and skips what needs it', async () => {
    const kubeconfig = local.file('nowhere', server.kubeconfig().replaceAll(server.url, 'http://127.0.0.1:1'));
    const answer = await ask({ argv: ['--no-pods', '--kubeconfig', kubeconfig] });
    expect(answer.said('cluster')).toBe('fail cluster_unusable');
    for (const check of KUBERNETES.slice(1)) expect(answer.said(check)).toBe('skipped cluster_not_asked');
  }, 30_000);

  it('tells a right that is missing, with the rule that grants it', async () => {
    const rights = (await agentRights(NAMESPACE)).filter(({ resources }) => !resources.includes('pods/log'));
    const answer = await ask({ rights });
    expect(answer.of('rights')).toEqual([
      {
        level: 'fail',
        reason: 'right_missing',
        message: 'It may not get pods/log in namespace ingestion: without it logs cannot be read.',
        fix: 'Add {"apiGroups":[""],"resources":["pods/log"],"verbs":["get"]} to its Role in namespace ingestion.',
      },
    ]);
    const poorer = (await agentRights(NAMESPACE)).filter(({ resources }) => !resources.includes('events'));
    expect((await ask({ rights: poorer })).said('rights')).toBe('warn right_optional_missing');
  });

  it('tells a namespace that is absent, and one that goes', async () => {
    const absent = await ask({ env: { INGESTION_NAMESPACE: 'nowhere' } });
    expect(absent.said('namespaces')).toBe('fail namespace_missing, ok namespace_ok');
    expect(absent.of('namespaces')[0]?.fix).toContain('kubectl create namespace nowhere');
    server.put(NAMESPACES, { metadata: { name: NAMESPACE }, status: { phase: 'Terminating' } });
    expect((await ask()).said('namespaces')).toBe('fail namespace_terminating');
  });

  it('tells a service account that is absent, and one without the identity its secrets manager needs', async () => {
    expect((await ask({ env: { INGESTION_SERVICE_ACCOUNT_NAME: 'other' } })).said('service-account')).toBe(
      'fail service_account_missing',
    );
    const env = { SECRETS_MANAGER: 'managed-aws', INGESTION_EXTRA_ENVS: '[AWS_DEFAULT_REGION:eu-west-1]' };
    const answer = await ask({ env });
    expect(answer.said('service-account')).toBe('warn service_account_without_identity');
    expect(answer.of('service-account')[0]?.fix).toContain('eks.amazonaws.com/role-arn');
    const annotations = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/reader' };
    server.put(ACCOUNTS, { metadata: { namespace: NAMESPACE, name: 'ingestion', annotations } });
    expect((await ask({ env })).said('service-account')).toBe('ok service_account_ok');
    // The other way round: the identity is there, and the secrets manager is forgotten.
    const forgotten = await ask();
    expect(forgotten.said('secrets-manager')).toBe('warn secrets_manager_not_set');
    expect(forgotten.of('secrets-manager')[0]?.fix).toContain('SECRETS_MANAGER=managed-aws');
  });

  it('tells OpenShift', async () => {
    const annotations = { 'openshift.io/sa.scc.uid-range': '1000680000/10000' };
    server.put(NAMESPACES, { metadata: { name: NAMESPACE, annotations } });
    expect((await ask()).said('pod-security')).toBe('fail openshift_mode_off');
    expect((await ask({ env: { INGESTION_OPENSHIFT_MODE: 'true' } })).said('pod-security')).toBe('ok pod_security_ok');
  });

  it('tells a quota that is too small from one that is used up', async () => {
    const put = (hard: Readonly<Record<string, string>>, used: Readonly<Record<string, string>>) =>
      server.put(QUOTAS, { metadata: { namespace: NAMESPACE, name: 'team' }, status: { hard, used } });
    put({ 'requests.memory': '4Gi' }, { 'requests.memory': '1Gi' });
    expect((await ask()).said('quota')).toBe('ok quota_ok');
    put({ 'requests.memory': '4Gi' }, { 'requests.memory': '3600Mi' });
    const usedUp = await ask();
    expect(usedUp.said('quota')).toBe('warn quota_used_up');
    expect(usedUp.of('quota')[0]?.message).toContain('1Gi of requests.memory (metadata, usage');
    put({ 'requests.memory': '900Mi' }, {});
    expect((await ask()).said('quota')).toBe('fail quota_too_small');
  });

  it('tells a priority class that does not exist', async () => {
    const env = { SIMPLEK8S_PIPELINE_TYPE_CONFIGS: '{"metadata":{"priorityClassName":"ingest"}}' };
    expect((await ask({ env })).said('priority-classes')).toBe('fail priority_class_missing');
    server.put(PRIORITY_CLASSES, { metadata: { name: 'ingest' } });
    expect((await ask({ env })).said('priority-classes')).toBe('ok priority_class_ok');
  });

  it('tells a taint that nothing tolerates, with a value that ends it when it is pasted', async () => {
    const taints = [{ key: 'dedicated', value: 'ingestion', effect: 'NoSchedule' }];
    server.put(NODES, { metadata: { name: 'worker' }, spec: { taints } });
    const answer = await ask();
    expect(answer.said('placement')).toBe('fail nothing_placeable');
    const [, json] = /SIMPLEK8S_PIPELINE_TYPE_CONFIGS='([^']+)'/.exec(answer.of('placement')[0]?.fix ?? '') ?? [];
    const mended = await ask({ env: { SIMPLEK8S_PIPELINE_TYPE_CONFIGS: json ?? '' } });
    expect(mended.said('placement')).toBe('ok placement_ok');
    expect(mended.said('configuration')).toBe('ok configuration_ok');
  });
});

describe('doctor, of very many nodes', () => {
  it('reads all pages, and names a few', async () => {
    for (let index = 0; index < 250; index += 1) server.put(NODES, { metadata: { name: `node-${index}` } });
    const before = server.calls.length;
    const answer = await ask();
    expect(answer.said('placement')).toBe('ok placement_ok');
    expect(answer.of('placement')[0]?.message).toMatch(/ and 246 more\.$/);
    expect(server.calls.slice(before).filter(({ resource }) => resource === 'nodes')).toHaveLength(3);
  });
});

describe('doctor, where the API server is closed to it', () => {
  it('goes on without the version, and says that it does not know it', async () => {
    const undo = server.fault({ kind: 'status', status: 403, reason: 'Forbidden' }, { resource: 'version' });
    const answer = await ask();
    undo();
    expect(answer.said('cluster')).toBe('warn cluster_version_untold');
    expect(answer.said('quota')).toBe('ok quota_ok');
  });

  it('does not say that no pull secret is named where it cannot see those of the service account', async () => {
    const answer = await ask({ rights: await agentRights(NAMESPACE) });
    expect(answer.said('pull-secrets')).toBe('warn pull_secret_unseen');
    expect(answer.of('pull-secrets')[0]?.fix).toContain('serviceaccounts');
  });
});

describe('doctor, of pull secrets', () => {
  const env = { INGESTION_IMAGE_PULL_SECRETS: 'omd-registry-credentials' };
  const registry = IMAGE.split('/')[0] ?? '';
  const put = (host: string, expiresAt?: number) =>
    server.put(SECRETS, {
      metadata: {
        ...{ namespace: NAMESPACE, name: 'omd-registry-credentials' },
        ...(expiresAt === undefined
          ? {}
          : { annotations: { 'hybrid-ingestion-runner/expires-at': new Date(expiresAt).toISOString() } }),
      },
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': Buffer.from(
          JSON.stringify({ auths: { [host]: { password: 'not-a-real-password' } } }),
        ).toString('base64'),
      },
    });

  it('tells one that is missing: an error where the registry is private, a warning where it may be public', async () => {
    const answer = await ask({ env });
    expect(answer.said('pull-secrets')).toBe('fail pull_secret_missing');
    expect(answer.of('pull-secrets')[0]?.fix).toContain('--from=cronjob/ecr-registry-helper');
    const open = await ask({ env: { ...env, INGESTION_IMAGE: 'docker.io/team/ingestion:1' } });
    expect(open.said('pull-secrets')).toBe('warn pull_secret_missing_maybe');
  });

  it.each([
    ['has expired', registry, -1, 'fail pull_secret_expired'],
    ['expires within the hour', registry, HOUR_MS / 2, 'warn pull_secret_expires_soon'],
    ['is good', registry, 10 * HOUR_MS, 'ok pull_secret_ok'],
    ['says no expiry', `https://${registry}`, undefined, 'ok pull_secret_ok'],
    ['is for all registries of a region', '*.dkr.ecr.eu-west-1.amazonaws.com', 10 * HOUR_MS, 'ok pull_secret_ok'],
    ['is for another region', '*.dkr.ecr.us-east-1.amazonaws.com', 10 * HOUR_MS, 'warn pull_secret_other_registry'],
    ['is for another registry', 'other.example.test', 10 * HOUR_MS, 'warn pull_secret_other_registry'],
  ])('tells one that %s, and never what it holds', async (_, host, inMs, said) => {
    put(host, inMs === undefined ? undefined : Date.now() + inMs);
    const answer = await ask({ env });
    expect(answer.said('pull-secrets')).toBe(said);
    expect(answer.output).not.toContain('not-a-real-password');
    expect(answer.output).not.toContain(Buffer.from('not-a-real-password').toString('base64').slice(0, 12));
  });

  it('tells a Secret that is none, those of the service account, and what the helper said', async () => {
    server.put(SECRETS, { metadata: { namespace: NAMESPACE, name: 'omd-registry-credentials' }, type: 'Opaque' });
    expect((await ask({ env })).said('pull-secrets')).toBe('fail pull_secret_wrong_type');
    const account = {
      metadata: { namespace: NAMESPACE, name: 'ingestion' },
      imagePullSecrets: [{ name: 'of-account' }],
    };
    server.put(ACCOUNTS, account);
    expect((await ask()).said('pull-secrets')).toBe('fail pull_secret_missing');
    server.put(ACCOUNTS, { metadata: { namespace: NAMESPACE, name: 'ingestion' } });
    server.put(CONFIG_MAPS, {
      metadata: { namespace: NAMESPACE, name: 'status' },
      data: { outcome: 'failed', updatedAt: new Date().toISOString(), message: 'the keys are wrong' },
    });
    const told = await ask({ env: { PULL_SECRET_STATUS_CONFIGMAP: 'status' } });
    expect(told.said('pull-secrets')).toContain('warn pull_secret_not_renewed');
    expect(told.of('pull-secrets')[0]?.message).toContain('the keys are wrong');
  });
});

describe('doctor, of a pod that does not start', () => {
  it.each([
    [
      'its image is not given out',
      { kind: 'waiting', reason: 'ErrImagePull', message: `pull access denied, ${IMAGE}: 401 Unauthorized` },
      'fail image_not_pulled',
    ],
    [
      'a quota refuses it',
      {
        kind: 'no_pod',
        message: 'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1',
      },
      'fail pod_refused',
    ],
  ] as const)(
    'says why: %s',
    async (_, trouble, said) => {
      cluster.trouble(trouble);
      const answer = await ask({ argv: [] });
      expect(answer.said('image')).toBe(said);
      expect(server.objects(JOBS)).toEqual([]);
    },
    40_000,
  );

  it('looks at the container of the runner, whatever a mesh puts before it, and not at pods that were evicted', async () => {
    const status = (name: string, ready: boolean, state: object) => ({
      ...{ name, image: IMAGE, imageID: '', ready, restartCount: 0, state },
    });
    const pod = (name: string, phase: string, ...containerStatuses: ReturnType<typeof status>[]) =>
      server.put(PODS, {
        metadata: { namespace: NAMESPACE, name, labels: { app: 'hybrid-runner' } },
        spec: {
          nodeName: 'worker',
          containers: ['a-mesh', 'hybrid-ingestion-runner'].map((each) => ({ name: each, image: IMAGE })),
        },
        status: { phase, containerStatuses },
      });
    const mesh = status('a-mesh', true, { running: {} });
    pod('evicted', 'Failed');
    pod(
      ...(['runner-1', 'Running', mesh] as const),
      status('hybrid-ingestion-runner', false, { waiting: { reason: 'CrashLoopBackOff' } }),
    );
    expect((await ask()).said('agent-pods')).toBe('fail agent_pod_failing');
    pod('runner-1', 'Running', mesh, status('hybrid-ingestion-runner', true, { running: {} }));
    expect((await ask()).said('agent-pods')).toBe('ok agent_pod_ok');
  });

  it('says so of a runner whose own pod has no image, and how the registry helper is started', async () => {
    const pod = server.put(PODS, {
      metadata: { namespace: NAMESPACE, name: 'runner-1', labels: { app: 'hybrid-runner' } },
      spec: { nodeName: 'worker', containers: [{ name: 'main', image: IMAGE }] },
      status: {
        phase: 'Pending',
        containerStatuses: [
          {
            ...{ name: 'main', image: IMAGE, imageID: '', ready: false, restartCount: 0 },
            state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } },
          },
        ],
      },
    });
    server.put(EVENTS, {
      metadata: { namespace: NAMESPACE, name: 'runner-1.1' },
      involvedObject: { kind: 'Pod', uid: pod.metadata?.uid ?? '' },
      reason: 'Failed',
      message: `Failed to pull image "${IMAGE}": no basic auth credentials`,
    });
    const answer = await ask();
    expect(answer.said('agent-pods')).toBe('fail agent_pod_image');
    expect(answer.of('agent-pods')[0]?.fix).toContain(`--from=cronjob/ecr-registry-helper manual -n ${NAMESPACE}`);
  });
});
