import { expect, test } from 'vitest';
import type { Rendered } from '../../src/index.ts';
import { agentCharts, least, withHelm } from '../support/charts.ts';
import { decoded, deployment, dig, environment, find, has, podSpecs } from '../support/objects.ts';
import { promised } from '../support/values-files.ts';

withHelm('values files that people were told to write', () => {
  const charts = agentCharts();
  const render = (name: string): Promise<readonly Rendered[]> =>
    charts.render({ release: 'collate-prod', files: promised(name) });

  test('the minimal one installs Argo, and the runner knows its server', async () => {
    const objects = await render('minimal-with-argo');
    const given = environment(objects);
    expect(given['PIPELINE_SERVICE_CLIENT_ENDPOINT']).toBe('http://argo-workflows-server.argo-workflows.svc:2746');
    expect(given).not.toHaveProperty('EXECUTOR_TYPE');
    expect(given['AGENT_ID']).toBe('aws-prod');
    expect(given['SERVER_URL']).toBe('wss://mycluster.getcollate.io');
    expect(given['SERVER_HOST_API_URL']).toBe('https://mycluster.getcollate.io/api');
    const stand = find(objects, 'ConfigMap', 'argo-workflows-stand-in');
    expect(stand.metadata.namespace).toBe('argo-workflows');
    expect(JSON.parse(String(dig(stand, 'data', 'values.json')))).toMatchObject({
      crds: { install: true },
      server: { extraArgs: ['--auth-mode=client'], serviceAccount: { name: 'argo-workflows-server-sa' } },
      controller: { serviceAccount: { name: 'argo-workflows-controller-sa' } },
      artifactRepository: { archiveLogs: false },
    });
  });

  test('the keys for the registry reach the helper, and stand in a Secret alone', async () => {
    const objects = await render('minimal-with-argo');
    const secret = find(objects, 'Secret', 'collate-prod-hybrid-ingestion-runner-secrets');
    expect(decoded(secret)).toEqual({
      AWS_ACCOUNT: '118146679784',
      AWS_ACCESS_KEY_ID: 'not-a-real-key-id',
      AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
    });
    const others = objects.filter((object) => object !== secret);
    expect(JSON.stringify(others)).not.toContain('not-a-real-key');
  });

  test('kubectl create job --from=cronjob/ecr-registry-helper finds what it names', async () => {
    const cron = find(await render('minimal-with-argo'), 'CronJob', 'ecr-registry-helper');
    expect(dig(cron, 'spec', 'schedule')).toBe('0 0/6 * * *');
    expect(dig(cron, 'spec', 'concurrencyPolicy')).toBe('Forbid');
    expect(dig(cron, 'spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers', 0, 'args')).toEqual([
      'registry-helper',
    ]);
  });

  test('kubectl logs -l app=hybrid-runner finds the pods, and no selector knows that label', async () => {
    const objects = await render('minimal-with-argo');
    const runner = deployment(objects);
    expect(dig(runner, 'spec', 'template', 'metadata', 'labels', 'app')).toBe('hybrid-runner');
    expect(dig(runner, 'spec', 'selector', 'matchLabels')).toEqual({
      'app.kubernetes.io/name': 'hybrid-ingestion-runner',
      'app.kubernetes.io/instance': 'collate-prod',
    });
  });

  test('IRSA: the role is on the account of the workloads, which then reads no Secret of Kubernetes', async () => {
    const objects = await render('irsa');
    expect(find(objects, 'ServiceAccount', 'ingestion').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/ingestion',
    });
    expect(dig(find(objects, 'Role', 'ingestion'), 'rules')).toEqual([]);
    expect(environment(objects)['SECRETS_MANAGER']).toBe('managed-aws');
  });

  test('Azure: the label meant for the controller of Argo reaches the pods of Jobs, and the vault their environment', async () => {
    const given = environment(await render('azure-workload-identity'));
    expect(given['EXECUTOR_TYPE']).toBe('simpleK8s');
    expect(JSON.parse(String(given['INGESTION_POD_LABELS']))).toEqual({ 'azure.workload.identity/use': 'true' });
    expect(given['INGESTION_EXTRA_ENVS']).toBe('[AZURE_KEY_VAULT_NAME:my-vault]');
  });

  test.each([
    ['tainted-nodes', 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS'],
    ['tainted-nodes-with-argo', 'ARGO_PIPELINE_TYPE_CONFIGS'],
  ])('%s: the placement of extraEnvs wins over the empty one of the chart', async (name, variable) => {
    const given = environment(await render(name));
    const placement = JSON.parse(String(given[variable])) as Record<string, { tolerations: unknown[] }>;
    expect(placement['automation']?.tolerations).toHaveLength(1);
    const other = variable.startsWith('ARGO') ? 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS' : 'ARGO_PIPELINE_TYPE_CONFIGS';
    expect(given).not.toHaveProperty(other);
  });

  test('own images: a pull secret written as a text is one', async () => {
    const objects = await render('own-images');
    const given = environment(objects);
    expect(given['INGESTION_IMAGE']).toBe('my-repo.com/my-image:my-tag');
    expect(given['INGESTION_IMAGE_PULL_SECRETS']).toBe('my-credentials');
    expect(given['DYNAMIC_INGESTION_VERSION_ENABLED']).toBe('false');
    for (const { id, spec } of podSpecs(objects)) {
      expect({ id, pulls: dig(spec, 'imagePullSecrets') }).toEqual({ id, pulls: [{ name: 'my-credentials' }] });
    }
  });

  test('the runner is never behind the pull secret that it helps to make', async () => {
    for (const { id, spec } of podSpecs(await render('minimal-with-argo'))) {
      expect({ id, pulls: dig(spec, 'imagePullSecrets') }).toEqual({ id, pulls: undefined });
    }
  });
});

withHelm('accounts', () => {
  const charts = agentCharts();
  const names = async (values: object): Promise<readonly unknown[]> => {
    const objects = await charts.render({ values });
    const job = dig(find(objects, 'CronJob', 'ecr-registry-helper'), 'spec', 'jobTemplate', 'spec', 'template', 'spec');
    return [environment(objects)['INGESTION_SERVICE_ACCOUNT_NAME'], dig(job, 'serviceAccountName')];
  };
  const written = (serviceAccount: object): object =>
    least({ ingestionPods: { serviceAccount } }, { ecrRegistryHelper: { serviceAccount } });

  test('have the names they were given, or those of the release, or are the default one where none is made', async () => {
    expect(await names(least())).toEqual(['ingestion', 'omd-pull-secret-refresh']);
    expect(await names(written({ name: 'mine', create: false }))).toEqual(['mine', 'mine']);
    expect(await names(written({ name: '' }))).toEqual([
      'demo-hybrid-ingestion-runner-ingestion',
      'demo-hybrid-ingestion-runner-ecr',
    ]);
    expect(await names(written({ name: '', create: false }))).toEqual(['default', 'default']);
  });
});

withHelm('the same meaning in each way of writing it', () => {
  const charts = agentCharts();
  const given = async (pods: object, config: object = {}) =>
    environment(await charts.render({ values: least({ ingestionPods: pods, ...config }) }));

  test.each([['a'], [['a']], [[{ name: 'a' }]]])('pull secrets as %j', async (written) => {
    expect((await given({ imagePullSecrets: written }))['INGESTION_IMAGE_PULL_SECRETS']).toBe('a');
  });

  test.each([
    ['A:1,B:x:y'],
    ['[A:1,B:x:y]'],
    [['A:1', 'B:x:y']],
    [
      [
        { name: 'A', value: 1 },
        { name: 'B', value: 'x:y' },
      ],
    ],
    [{ A: 1, B: 'x:y' }],
  ])('variables of the workloads as %j', async (written) => {
    expect((await given({ extraEnvs: written }))['INGESTION_EXTRA_ENVS']).toBe('[A:1,B:x:y]');
  });

  test('a value with commas in a list does not begin a variable', async () => {
    const text = (await given({ extraEnvs: ['HOSTS:a,b:80', 'B:1'] }))['INGESTION_EXTRA_ENVS'];
    expect(JSON.parse(String(text))).toEqual(['HOSTS:a,b:80', 'B:1']);
  });

  test.each([
    ['automountSAToken', 'INGESTION_AUTOMOUNT_SA_TOKEN'],
    ['autoMountSAToken', 'INGESTION_AUTOMOUNT_SA_TOKEN'],
    ['disableVersionValidation', 'INGESTION_DISABLE_VERSION_VALIDATION'],
  ])('%s: false is false, as a boolean and as a text', async (key, variable) => {
    for (const written of [false, 'false']) expect((await given({ [key]: written }))[variable]).toBe('false');
    expect((await given({ [key]: true }))[variable]).toBe('true');
    expect(await given({})).not.toHaveProperty(variable);
  });

  test('dynamicIngestionVersionEnabled: false is rendered', async () => {
    expect((await given({}, { dynamicIngestionVersionEnabled: false }))['DYNAMIC_INGESTION_VERSION_ENABLED']).toBe(
      'false',
    );
  });

  test.each(['backoffTime', 'backOffTime'])('%s is read', async (key) => {
    const objects = await charts.render({ values: least({ argoWorkflows: { endpoint: 'argo:2746', [key]: 7 } }) });
    expect(environment(objects)).toMatchObject({
      ARGO_TEST_CONNECTION_BACKOFF_TIME: '7',
      PIPELINE_SERVICE_CLIENT_ENDPOINT: 'http://argo:2746',
    });
  });

  test('numbers stay numbers as people write them', async () => {
    const objects = await charts.render({
      values: least({
        reconnectDelaySeconds: 5,
        argoWorkflows: { endpoint: 'http://argo', secondsAfterCompletionTTL: 1209600 },
      }),
    });
    expect(environment(objects)).toMatchObject({
      RECONNECT_DELAY_SECONDS: '5',
      ARGO_SECONDS_AFTER_COMPLETION_TTL: '1209600',
    });
  });

  test('useSecureProtocols: false is the consent to an unencrypted connection', async () => {
    expect(await given({}, { useSecureProtocols: false })).toMatchObject({
      SERVER_URL: 'ws://runner.example.test',
      SERVER_HOST_API_URL: 'http://runner.example.test/api',
      ALLOW_INSECURE_TRANSPORT: 'true',
    });
  });

  test('a token in a Secret of the user is a file, and no Secret is made', async () => {
    const objects = await charts.render({
      values: { config: { serverHost: 'a.example.test', authTokenSecret: { name: 'mine', key: 'jwt' } } },
    });
    expect(environment(objects)['AUTH_TOKEN_FILE']).toBe('/var/run/hybrid-runner/auth/jwt');
    expect(has(objects, 'Secret', 'demo-hybrid-ingestion-runner-auth')).toBe(false);
    expect(dig(deployment(objects), 'spec', 'template', 'spec', 'volumes', 1, 'secret', 'secretName')).toBe('mine');
  });
});
