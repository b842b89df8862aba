import { expect, test } from 'vitest';
import { agentCharts, FAKE_TOKEN, least, withHelm } from '../support/charts.ts';

const CASES: readonly (readonly [title: string, values: object, words: readonly string[]])[] = [
  [
    'a missing token',
    { config: { serverHost: 'a.example.test' } },
    ['token of the bot is missing', 'config.authTokenSecret.name'],
  ],
  ['both forms of a token', least({ authTokenSecret: { name: 'x' } }), ['both set']],
  ['a token with the word before it', least({ authToken: `Bearer ${FAKE_TOKEN}` }), ['config.authToken is no token']],
  ['a host that nobody set', { config: { authToken: FAKE_TOKEN } }, ['config.serverHost', 'my-cluster.getcollate.io']],
  ['a host with a scheme', least({ serverHost: 'https://a.example.test' }), ['write "a.example.test"']],
  [
    'a host with a plain scheme',
    least({ serverHost: 'ws://a.example.test:8585' }),
    ['write "a.example.test:8585"', 'useSecureProtocols: false'],
  ],
  ['a host with a path', least({ serverHost: 'a.example.test/api' }), ['write "a.example.test"']],
  ['a host that is none', least({ serverHost: 'a b' }), ['no host name']],
  ['an unknown key', least({ agentID: 'x' }), ['unknown key config.agentID: did you mean config.agentId?']],
  [
    'a misspelt key deep down',
    least({ ingestionPods: { imagePullSecret: 'x' } }),
    ['did you mean config.ingestionPods.imagePullSecrets?'],
  ],
  ['a key that belongs elsewhere', least({}, { secretsManager: 'gcp' }), ['did you mean config.secretsManager?']],
  ['a key like nothing', least({}, { xyz: 1 }), ['unknown key xyz', 'known there']],
  [
    'placement of all workloads in one key',
    least({ ingestionPods: { nodeSelector: { disk: 'ssd' } } }),
    ['did you mean config.ingestionPods.additionalPipelineConfigs, with nodeSelector by pipeline type?'],
  ],
  [
    'a key of older charts for Argo',
    least({ argoWorkflows: { enabled: true } }),
    ['did you mean installArgoWorkflows'],
  ],
  ['a key of older charts', least({ serverUrl: 'wss://x' }), ['did you mean config.serverHost']],
  ['a wrong type', least({ agentId: { name: 'x' } }), ['/config/agentId', 'got object']],
  ['a boolean that is none', least({}, { ecrRegistryHelper: { enabled: 'perhaps' } }), ['/ecrRegistryHelper/enabled']],
  ['an unknown secrets manager', least({ secretsManager: 'vault' }), ['/config/secretsManager', 'managed-azure-kv']],
  [
    'a quantity that is none',
    least({ ingestionPods: { resources: { limits: { cpu: 'plenty' } } } }),
    ['/config/ingestionPods/resources/limits/cpu'],
  ],
  [
    'a quantity of the runner that is none',
    least({}, { resources: { limits: { memory: '512 MB' } } }),
    ['resources.limits.memory is "512 MB"'],
  ],
  ['thousandths of a byte', least({ ingestionPods: { resources: { limits: { memory: '512m' } } } }), ['512Mi']],
  [
    'placement that is not JSON',
    least({ ingestionPods: { additionalPipelineConfigs: '{"a": ' } }),
    ['additionalPipelineConfigs is not a JSON object'],
  ],
  [
    'placement that is a list',
    least({ ingestionPods: { additionalPipelineConfigs: '[]' } }),
    ['additionalPipelineConfigs is not a JSON object'],
  ],
  [
    'placement of a type that is no object',
    least({ ingestionPods: { additionalPipelineConfigs: '{"profiler": 1}' } }),
    ['profiler is not an object'],
  ],
  [
    'placement in extraEnvs that is not JSON',
    least({}, { extraEnvs: [{ name: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS', value: 'x' }] }),
    ['extraEnvs SIMPLEK8S_PIPELINE_TYPE_CONFIGS is not'],
  ],
  ['placement that is null', least({ ingestionPods: { additionalPipelineConfigs: 'null' } }), ['it is null']],
  ...[
    ['A=1'],
    [null],
    [7],
    ['[A:1]'],
    'text',
    { '1A': 'x' },
    [{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }],
    { A: { b: 'c' } },
  ].map(
    (extraEnvs) =>
      [
        `variables of workloads as ${JSON.stringify(extraEnvs)}`,
        least({ ingestionPods: { extraEnvs } }),
        ['config.ingestionPods.extraEnvs'],
      ] as const,
  ),
  [
    'a request above the limit of the chart',
    least({ ingestionPods: { resources: { limits: { memory: '2Gi' } } } }),
    ['config.ingestionPods.resources.requests.memory is 4096Mi, more than its limit of 2Gi'],
  ],
  [
    'a request in another unit above its limit',
    least({ ingestionPods: { automationResources: { requests: { cpu: 0.6 } } } }),
    ['automationResources.requests.cpu is 0.6, more than its limit of 500m'],
  ],
  ['a delay with a unit', least({ reconnectDelaySeconds: '5s' }), ['/config/reconnectDelaySeconds']],
  [
    'a time to live in words',
    least({ argoWorkflows: { endpoint: 'argo:2746', secondsAfterCompletionTTL: '1 week' } }),
    ['/config/argoWorkflows/secondsAfterCompletionTTL'],
  ],
  ...['ftp://argo', 'http://me:secret@argo', 'argo server', '<argo>'].map(
    (endpoint) =>
      [
        `${endpoint} as Argo Server`,
        least({ argoWorkflows: { endpoint } }),
        ['config.argoWorkflows.endpoint'],
      ] as const,
  ),
  [
    'an authority of Argo Server that is no whole path',
    least({ argoWorkflows: { endpoint: 'argo:2746', certificatePath: 'ca.crt' } }),
    ['config.argoWorkflows.certificatePath', 'beginning with /'],
  ],
  ['a host with a port that is none', least({ serverHost: 'a.example.test:70000' }), ['no such port']],
  ['a host with an empty part', least({ serverHost: 'a..example.test' }), ['no host name']],
  ['a name of the runner without end', least({ agentId: 'a'.repeat(257) }), ['more than 256 characters']],
  [
    'a pull secret without a name',
    least({}, { imagePullSecrets: [{ nme: 'a' }] }),
    ['imagePullSecrets[0] has no name'],
  ],
  ['a pull secret that is no name', least({ ingestionPods: { imagePullSecrets: 'A b' } }), ['"A b" is no name']],
  [
    'a part of Workflows that is no YAML',
    least({ ingestionPods: { customConfig: { enabled: true, containerParams: 'env: [' } } }),
    ['config.ingestionPods.customConfig.containerParams is not YAML'],
  ],
  ['a variable without a name', least({}, { extraEnvs: ['A=1'] }), ['extraEnvs[0] is no variable']],
  ['a volume with a name of the chart', least({}, { volumes: [{ name: 'auth', emptyDir: {} }] }), ['volumes[0]']],
  [
    'both sides of a disruption budget',
    least({}, { podDisruptionBudget: { enabled: true, minAvailable: 1 } }),
    ['both set'],
  ],
  [
    'the image of another product',
    least({}, { image: { repository: '118146679784.dkr.ecr.eu-west-1.amazonaws.com/hybrid-ingestion-runner' } }),
    ['remove image.repository'],
  ],
  ['a digest that is none', least({}, { image: { digest: 'sha256:abc' } }), ['64 hexadecimal digits']],
  [
    'a key without its secret',
    least({}, { ecrRegistryHelper: { collateCredentials: { values: { accessKeyId: 'x' } } } }),
    ['set both'],
  ],
  ['Azure without a vault', least({ secretsManager: 'managed-azure-kv' }), ['AZURE_KEY_VAULT_NAME']],
  [
    'Jobs and Argo at once',
    least({ executorType: 'simpleK8s' }, { installArgoWorkflows: true }),
    ['drop one of the two'],
  ],
  ['an empty name of the runner', least({ agentId: ' ' }), ['config.agentId is empty']],
  ['two bundles of authorities', least({}, { privateCA: { configMap: 'a', secret: 'b' } }), ['keep one of them']],
  [
    'authorities in the image, of which nobody needs to be told',
    least({}, { privateCA: { workloadPath: '/etc/ssl/certs/ca-certificates.crt' } }),
    ['privateCA.workloadPath'],
  ],
  [
    'ports of a proxy beside one text',
    least({ ingestionPods: { extraEnvs: 'A:1' } }, { proxy: { httpsProxy: 'http://p', noProxy: 'h:80' } }),
    ['as a list'],
  ],
];

withHelm('values that cannot work end at helm install', () => {
  const charts = agentCharts();

  test.each(CASES)('%s', async (_, values, words) => {
    const { code, stderr } = await charts.attempt({ values });
    expect(code).not.toBe(0);
    for (const word of words) expect(stderr).toContain(word);
  });

  test('what still has placeholders renders, and is not installed', async () => {
    const values = {
      config: {
        authToken: '<Provided by Collate>',
        serverHost: '<mycluster>.getcollate.io',
        secretsManager: 'managed-azure-kv',
        ingestionPods: {
          serviceAccount: { annotations: { 'azure.workload.identity/client-id': '<client_id>' } },
          extraEnvs: 'AZURE_KEY_VAULT_NAME:<azure_key_vault_name>',
        },
      },
      ecrRegistryHelper: { collateCredentials: { values: { accessKeyId: '<yours>', secretAccessKey: '<yours>' } } },
    };
    expect(await charts.attempt({ values })).toMatchObject({ code: 0 });
    const { code, stderr } = await charts.attempt({ values, asInstalled: true });
    expect(code).not.toBe(0);
    for (const key of [
      'authToken',
      'serverHost',
      'client-id',
      'AZURE_KEY_VAULT_NAME',
      'accessKeyId',
      'secretAccessKey',
    ]) {
      expect(stderr).toMatch(new RegExp(`${key}.* still has a placeholder`));
    }
    expect(await charts.attempt({ values: least(), asInstalled: true })).toMatchObject({ code: 0 });
  });

  test('all that is wrong is told at once', async () => {
    const { stderr } = await charts.attempt({ values: { config: { serverHost: 'x/y', agentID: 'a' } } });
    for (const word of ['config.agentID', 'token of the bot', 'config.serverHost']) expect(stderr).toContain(word);
  });

  test('a token never stands in what is told', async () => {
    const { stderr } = await charts.attempt({ values: least({ authToken: `${FAKE_TOKEN} `, serverHost: 'x/y' }) });
    expect(stderr).toContain('config.serverHost');
    expect(stderr).not.toContain(FAKE_TOKEN);
  });

  test('any key may stand where the values of Kubernetes or of Argo stand', async () => {
    const values = least(
      {},
      {
        global: { anything: 1 },
        argoWorkflows: { images: { tag: 'v3.7.4' } },
        nodeSelector: { disk: 'ssd' },
        affinity: { nodeAffinity: {} },
        securityContext: { procMount: 'Default' },
        ecrRegistryHelper: { image: { repository: 'heyvaldemar/aws-kubectl' } },
      },
    );
    expect(await charts.attempt({ values })).toMatchObject({ code: 0 });
  });
});
