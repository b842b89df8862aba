import { expect, test } from 'vitest';
import type { Rendered } from '../../src/index.ts';
import { stagedAgentChart } from '../../src/index.ts';
import { FAKE_TOKEN, helmCommand, least, withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import { chartNamespace, kubectlCommand, succeed } from '../support/cluster.ts';
import { decoded, dig, idOf } from '../support/objects.ts';
import { FORMER_CHART, promised } from '../support/values-files.ts';

/** Pods of these releases are not waited for, so any image will do. The helper's job would be. */
const placeholder = { image: { repository: 'docker.io/runner/busybox', tag: '1' }, ecrRegistryHelper: { hook: false } };
const placement = [{ name: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS', value: '{"automation":{"nodeSelector":{"a":"b"}}}' }];

async function helm(verb: 'install' | 'upgrade', release: string, chart: string, namespace: string, values: object) {
  return await helmCommand(
    [verb, release, chart, '--namespace', namespace, '--values', '-', '--timeout', '60s'],
    JSON.stringify(values),
  );
}

async function uids(namespace: ChartNamespace, ids: readonly string[]): Promise<Record<string, unknown>> {
  const found = await Promise.all(
    ids.map(async (id) => {
      const [kind = '', name = ''] = id.split('/');
      return [id, dig(await namespace.find(kind, name), 'metadata', 'uid')] as const;
    }),
  );
  return Object.fromEntries(found);
}

const envOf = (deployment: Rendered | undefined): readonly { readonly name: string; readonly value?: string }[] =>
  dig(deployment, 'spec', 'template', 'spec', 'containers', 0, 'env') as [];

async function createPullSecret(namespace: string): Promise<void> {
  await succeed(
    kubectlCommand([
      ...['create', 'secret', 'docker-registry', 'omd-registry-credentials', '--namespace', namespace],
      ...['--docker-server=registry.example.test', '--docker-username=nobody', '--docker-password=not-a-real-one'],
    ]),
  );
}

/** What an install would print, without installing anything. */
async function notesOf(folder: string, namespace: string, values: object): Promise<string> {
  const dry = ['install', 'first', folder, '--namespace', namespace, '--dry-run=server', '--values', '-'];
  return await succeed(helmCommand(dry, JSON.stringify(values)));
}

withHelm('helm upgrade from the former chart', () => {
  test.each([
    ['collate-prod', 'collate-prod-hybrid-ingestion-runner'],
    ['hybrid-ingestion-runner', 'hybrid-ingestion-runner'],
  ])(
    '%s keeps accounts, bindings, pull secret and Deployment, and uninstall leaves the pull secret',
    async (release, full) => {
      await using staged = await stagedAgentChart();
      await using namespace = await chartNamespace('upgrade');
      const keys = { accessKeyId: 'not-a-real-key-id', secretAccessKey: 'not-a-real-key' };
      const values = least(
        { agentId: 'aws-prod' },
        {
          ...placeholder,
          extraEnvs: placement,
          ecrRegistryHelper: { hook: false, collateCredentials: { values: keys } },
        },
      );
      await succeed(helm('install', release, FORMER_CHART, namespace.name, values));
      await createPullSecret(namespace.name);
      const kept = [
        ...[`Deployment/${full}`, `Service/${full}`, `ServiceAccount/${full}`, 'ServiceAccount/ingestion'],
        ...[
          'Role/hybrid-runner',
          'RoleBinding/hybrid-runner',
          'RoleBinding/ingestion',
          'RoleBinding/ecr-registry-helper',
        ],
        ...['CronJob/ecr-registry-helper', 'ServiceAccount/omd-pull-secret-refresh', 'Secret/omd-registry-credentials'],
      ];
      const before = await uids(namespace, kept);
      expect(Object.values(before)).not.toContain(undefined);

      await succeed(helm('upgrade', release, staged.folder, namespace.name, values));

      expect(await uids(namespace, kept)).toEqual(before);
      const credentials = await namespace.find('Secret', `${full}-secrets`);
      expect(credentials && decoded(credentials)).toEqual({
        AWS_ACCOUNT: '118146679784',
        AWS_ACCESS_KEY_ID: keys.accessKeyId,
        AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      });
      const deployment = await namespace.find('Deployment', full);
      const env = envOf(deployment);
      const names = env.map(({ name }) => name);
      expect(names).toHaveLength(new Set(names).size);
      // What stood twice in the former Deployment is lost by the patch, and therefore comes from a Secret this one time.
      expect(names).not.toContain('SIMPLEK8S_PIPELINE_TYPE_CONFIGS');
      expect(dig(deployment, 'spec', 'template', 'spec', 'containers', 0, 'envFrom')).toEqual([
        { secretRef: { name: `${full}-env` } },
      ]);
      const given = dig(await namespace.find('Secret', `${full}-env`), 'data', 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS');
      expect(Buffer.from(String(given), 'base64').toString()).toBe(placement[0]?.value);
      expect(names).not.toContain('AUTH_TOKEN');
      expect(names).toContain('AUTH_TOKEN_FILE');
      expect(JSON.stringify(deployment)).not.toContain(FAKE_TOKEN);
      expect(dig(deployment, 'spec', 'template', 'metadata', 'labels', 'app')).toBe('hybrid-runner');
      expect(dig(deployment, 'spec', 'template', 'spec', 'imagePullSecrets')).toBeUndefined();

      await succeed(helm('upgrade', release, staged.folder, namespace.name, values));
      expect(envOf(await namespace.find('Deployment', full))).toContainEqual(placement[0]);
      expect(await namespace.find('Secret', `${full}-env`)).toBeUndefined();

      await succeed(helmCommand(['uninstall', release, '--namespace', namespace.name, '--wait']));
      expect(await namespace.contents()).toEqual(['Secret/omd-registry-credentials']);
    },
  );

  test('with Argo: the account stays, and the long-lived token that stands is not taken away', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('upgrade-argo');
    const values = least({ argoWorkflows: { endpoint: 'https://argo.example.test' } }, placeholder);
    await succeed(helm('install', 'collate-prod', FORMER_CHART, namespace.name, values));
    const kept = [
      'ServiceAccount/argowf-client',
      'RoleBinding/argowf-client',
      'Secret/argowf-client-token',
      'Secret/ingestion.service-account-token',
    ];
    const before = await uids(namespace, kept);
    expect(Object.values(before)).not.toContain(undefined);
    await succeed(helm('upgrade', 'collate-prod', staged.folder, namespace.name, values));
    expect(await uids(namespace, kept)).toEqual(before);
    const env = envOf(await namespace.find('Deployment', 'collate-prod-hybrid-ingestion-runner'));
    expect(env.map(({ name }) => name)).not.toContain('ARGO_TOKEN');
    expect(env).toContainEqual({ name: 'ARGO_TOKEN_FILE', value: '/var/run/hybrid-runner/argo/token' });
  });
});

withHelm('helm upgrade --reuse-values', () => {
  test('of a release of the former chart says what to do instead', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('reuse');
    await succeed(helm('install', 'former', FORMER_CHART, namespace.name, least({}, placeholder)));
    const upgrade = ['upgrade', 'former', staged.folder, '--namespace', namespace.name];
    const reused = await helmCommand([...upgrade, '--reuse-values']);
    expect(reused.code).not.toBe(0);
    expect(reused.stderr).toContain('--reset-then-reuse-values');
    await succeed(helmCommand([...upgrade, '--reset-then-reuse-values', '--set', 'ecrRegistryHelper.hook=false']));
  });
});

withHelm('helm install', () => {
  test('says everything that people need to see the runner Active, and a second runner of that name is refused', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('twins');
    const values = least({ agentId: 'one' }, { ...placeholder, checks: { nodes: true } });
    const notes = await succeed(helm('install', 'first', staged.folder, namespace.name, values));
    for (const word of [
      'Settings > Preferences > Ingestion Runners',
      'Executor: simpleK8s',
      'Secrets manager: kubernetes',
      'No credentials for the registry',
    ]) {
      expect(notes).toContain(word);
    }
    const second = await helm('install', 'second', staged.folder, namespace.name, values);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain('release "first" in namespace');
    expect(second.stderr).toContain('another config.agentId');
    await succeed(helm('upgrade', 'first', staged.folder, namespace.name, values));
  });

  test('says where else the certificate authorities have to be', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('authorities');
    const notes = (privateCA: object): Promise<string> =>
      notesOf(
        staged.folder,
        namespace.name,
        least({ ingestionPods: { namespace: 'jobs' } }, { ...placeholder, privateCA }),
      );
    const words = 'Secret company-ca with the key ca.crt must exist in namespace jobs too';
    expect(await notes({ secret: 'company-ca' })).toContain(words);
    expect(await notes({ secret: 'company-ca', workloads: false })).not.toContain('must exist in namespace');
  });

  test('says that a node cannot be drained when no pod of the runner may go', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('budget');
    const notes = (budget: object, replicaCount = 1): Promise<string> =>
      notesOf(
        staged.folder,
        namespace.name,
        least({}, { ...placeholder, replicaCount, podDisruptionBudget: { enabled: true, ...budget } }),
      );
    const words = 'a node that is drained waits for ever';
    expect(await notes({})).not.toContain(words);
    expect(await notes({ maxUnavailable: 0 })).toContain(words);
    expect(await notes({ maxUnavailable: null, minAvailable: 1 })).toContain(words);
    expect(await notes({ maxUnavailable: null, minAvailable: 1 }, 2)).not.toContain(words);
  });

  test('says that the Secret with the token is not there, and goes on', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('token');
    const values = {
      ...placeholder,
      config: { serverHost: 'runner.example.test', authTokenSecret: { name: 'bot-token' } },
    };
    const notes = await succeed(helm('install', 'first', staged.folder, namespace.name, values));
    expect(notes).toContain('There is no Secret bot-token');
  });

  test.each([
    'minimal-with-argo',
    'irsa',
    'azure-workload-identity',
    'own-images',
    'tainted-nodes',
    'tainted-nodes-with-argo',
  ])('takes the values file %s that people were told to write', async (name) => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('promised');
    const [base = '', file = ''] = promised(name);
    const more = ['--set', `argoWorkflows.namespaceOverride=${namespace.name},ecrRegistryHelper.hook=false`];
    const args = ['install', 'collate-prod', staged.folder, '--namespace', namespace.name];
    await succeed(helmCommand([...args, '--values', base, '--values', file, ...more]));
  });

  test('in a namespace that is absent fails, and says which', async () => {
    await using staged = await stagedAgentChart();
    const { code, stderr } = await helm('install', 'first', staged.folder, 'charts-absent', least({}, placeholder));
    expect(code).not.toBe(0);
    expect(stderr).toContain('charts-absent');
  });

  test('leaves alone what the registry helper wrote into the status', async () => {
    await using staged = await stagedAgentChart();
    await using namespace = await chartNamespace('status');
    const values = least({}, placeholder);
    await succeed(helm('install', 'first', staged.folder, namespace.name, values));
    const name = 'first-hybrid-ingestion-runner-pull-secret-status';
    const patch = JSON.stringify({ data: { outcome: 'written' } });
    await succeed(kubectlCommand(['patch', 'configmap', name, '--namespace', namespace.name, '--patch', patch]));
    await succeed(helm('upgrade', 'first', staged.folder, namespace.name, { ...values, commonLabels: { team: 'a' } }));
    const after = await namespace.find('ConfigMap', name);
    expect(after && idOf(after)).toBe(`ConfigMap/${name}`);
    expect(after).toMatchObject({ data: { outcome: 'written' }, metadata: { labels: { team: 'a' } } });
  });
});
