import { VARIABLES, parseConfig } from '@runner/agent/config';
import fc from 'fast-check';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { isMap } from '../../src/index.ts';
import { agentCharts, FAKE_TOKEN, least, withHelm } from '../support/charts.ts';
import { dig, environment, find, podSpecs, variables } from '../support/objects.ts';
import { EXAMPLES, promised } from '../support/values-files.ts';

const FILES = [
  ...EXAMPLES.map((file) => [file]),
  ...[
    'minimal-with-argo',
    'irsa',
    'azure-workload-identity',
    'own-images',
    'tainted-nodes',
    'tainted-nodes-with-argo',
  ].map(promised),
];

/** What a pod finds where the chart mounts something. */
function readFile(path: string): string {
  if (path.endsWith('.crt')) return '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
  if (path.endsWith('.yaml')) return '{}';
  return FAKE_TOKEN;
}

function configOf(given: Readonly<Record<string, string>>) {
  const result = parseConfig({ ...given, KUBERNETES_SERVICE_HOST: '10.96.0.1' }, readFile, 0);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

withHelm('the environment of the runner', () => {
  const charts = agentCharts();

  test.each(FILES.map((files) => [basename(files.at(-1) ?? ''), files] as const))(
    'with %s the agent finds nothing wrong in it',
    async (_, files) => {
      const given = environment(await charts.render({ files }));
      const result = parseConfig({ ...given, KUBERNETES_SERVICE_HOST: '10.96.0.1' }, readFile, 0);
      expect(result).toMatchObject({ ok: true });
    },
  );

  test('every variable that the chart renders is one that the agent reads', async () => {
    const known = new Set(
      Object.entries(VARIABLES).flatMap(([name, { fileVariant }]) =>
        fileVariant === true ? [name, `${name}_FILE`] : [name],
      ),
    );
    const unknown = new Set<string>();
    for (const files of FILES) {
      for (const { name } of variables(await charts.render({ files }))) if (!known.has(name)) unknown.add(name);
    }
    expect([...unknown]).toEqual([]);
  });

  test('a name that extraEnvs sets is rendered once, with that value, whatever the name', async () => {
    // Those are read by the chart itself, which refuses what is no JSON or no executor.
    const read = ['SIMPLEK8S_PIPELINE_TYPE_CONFIGS', 'EXECUTOR_TYPE'];
    const own = variables(await charts.render({ values: least() }))
      .map(({ name }) => name)
      .filter((name) => !read.includes(name));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom(...own), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (names, twice) => {
          const extra = names.map((name) => ({ name, value: `mine ${name}` }));
          const objects = await charts.render({
            values: least(
              {},
              { extraEnvs: twice ? [...extra.map(({ name }) => ({ name, value: 'first' })), ...extra] : extra },
            ),
          });
          for (const { spec } of podSpecs(objects)) {
            const env = dig(spec, 'containers', 0, 'env');
            const all = Array.isArray(env) ? env.filter(isMap).map(({ name }) => name) : [];
            expect(all).toHaveLength(new Set(all).size);
          }
          expect(environment(objects)).toMatchObject(Object.fromEntries(extra.map(({ name, value }) => [name, value])));
        },
      ),
      { numRuns: 8 },
    );
  });

  test('a token of extraEnvs takes the place of the one in a file', async () => {
    const values = { config: { serverHost: 'a.example.test' }, extraEnvs: [{ name: 'AUTH_TOKEN', value: FAKE_TOKEN }] };
    const objects = await charts.render({ values });
    expect(environment(objects)).not.toHaveProperty('AUTH_TOKEN_FILE');
  });

  test('EXECUTOR_TYPE of extraEnvs decides about the rest as well', async () => {
    const objects = await charts.render({
      values: least({}, { extraEnvs: [{ name: 'EXECUTOR_TYPE', value: 'argo' }] }),
    });
    const given = environment(objects);
    expect(given['EXECUTOR_TYPE']).toBe('argo');
    expect(given).toHaveProperty('ARGO_PIPELINE_TYPE_CONFIGS');
    expect(given).not.toHaveProperty('PIPELINE_SERVICE_CLIENT_ENDPOINT');
  });

  test('proxy and certificate authorities reach runner, workloads, doctor and registry helper', async () => {
    const [proxy] = EXAMPLES.filter((file) => file.endsWith('proxy.yaml'));
    const objects = await charts.render({ files: [proxy ?? ''] });
    for (const { id, spec } of podSpecs(objects)) {
      const env = dig(spec, 'containers', 0, 'env');
      const names = Array.isArray(env) ? env.filter(isMap).map(({ name }) => name) : [];
      expect({ id, names }).toMatchObject({
        id,
        names: expect.arrayContaining(['HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS']) as unknown,
      });
      expect(JSON.stringify(spec)).toContain('"name":"company-ca"');
    }
    const entries = JSON.parse(String(environment(objects)['INGESTION_EXTRA_ENVS'])) as readonly string[];
    expect(entries).toContain('HTTPS_PROXY:http://proxy.example.test:3128');
    const direct = entries.find((entry) => entry.startsWith('NO_PROXY:'))?.split(/[:,]/);
    expect(direct).toEqual(
      // The secrets manager of a cluster is its API server; identities of clouds are asked of the node.
      expect.arrayContaining(['.example.internal', '.svc', '$(KUBERNETES_SERVICE_HOST)', '169.254.169.254']),
    );
    expect(environment(objects)).toMatchObject({
      INGESTION_CA_CONFIGMAP: 'company-ca',
      INGESTION_CA_KEY: 'ca-bundle.crt',
    });
  });

  test.each(['simpleK8s', 'argo'] as const)('workloads of %s get the authorities of a Secret', async (executorType) => {
    const values = least({ executorType }, { privateCA: { secret: 'company-ca' } });
    const given = environment(await charts.render({ values }));
    expect(given['INGESTION_CA_SECRET']).toBe('company-ca');
    expect(given).not.toHaveProperty('INGESTION_CA_CONFIGMAP');
    const { executor } = configOf(given);
    expect(executor).toMatchObject({
      type: executorType,
      pods: { certificateAuthority: { kind: 'secret', name: 'company-ca', key: 'ca.crt' } },
    });
  });

  test.each([false, 'false'])('workloads are left as they are with privateCA.workloads: %j', async (workloads) => {
    const objects = await charts.render({ values: least({}, { privateCA: { configMap: 'company-ca', workloads } }) });
    const given = environment(objects);
    expect(given['NODE_EXTRA_CA_CERTS']).toBe('/var/run/hybrid-runner/ca/ca.crt');
    expect(Object.keys(given).filter((name) => name.startsWith('INGESTION_CA_'))).toEqual([]);
    expect(configOf(given).executor).not.toHaveProperty('pods.certificateAuthority');
  });

  test.each([
    [{ A: 'one\ntwo\n', B: 'say "hi", \'C:1\'', D: ' x ' }],
    [['A:one\ntwo\n', 'B:say "hi", \'C:1\'', 'D: x ']],
    [
      [
        { name: 'A', value: 'one\ntwo\n' },
        { name: 'B', value: 'say "hi", \'C:1\'' },
        { name: 'D', value: ' x ' },
      ],
    ],
  ])('workloads get each variable to the letter, of %j', async (extraEnvs) => {
    const { executor } = configOf(
      environment(await charts.render({ values: least({ ingestionPods: { extraEnvs } }) })),
    );
    expect(executor).toMatchObject({
      pods: {
        extraEnvironment: [
          { name: 'A', value: 'one\ntwo\n' },
          { name: 'B', value: 'say "hi", \'C:1\'' },
          { name: 'D', value: ' x ' },
        ],
      },
    });
  });

  test('a delay of 0 is none, as it always was', async () => {
    const given = environment(await charts.render({ values: least({ reconnectDelaySeconds: 0 }) }));
    expect(given).not.toHaveProperty('RECONNECT_DELAY_SECONDS');
  });

  test('Argo Server is looked for where the values of its chart put it', async () => {
    const argoWorkflows = {
      fullnameOverride: 'flows',
      namespaceOverride: 'jobs',
      server: { servicePort: 80, secure: true },
    };
    const given = environment(
      await charts.render({ values: least({}, { installArgoWorkflows: true, argoWorkflows }) }),
    );
    expect(given['PIPELINE_SERVICE_CLIENT_ENDPOINT']).toBe('https://flows-server.jobs.svc:80');
  });

  test('parts of Workflows reach the agent to the letter, with whatever blanks they begin', async () => {
    const containerParams = '  env:\n    - name: A\n      value: b\n';
    const objects = await charts.render({
      values: least({ executorType: 'argo', ingestionPods: { customConfig: { enabled: true, containerParams } } }),
    });
    expect(dig(find(objects, 'ConfigMap', 'demo-hybrid-ingestion-runner-ingestion-config'), 'data')).toEqual({
      'container-params.yaml': containerParams,
      'workflow-params.yaml': '',
    });
  });

  test('a proxy is kept from workloads with proxy.workloads: false', async () => {
    const proxy = { httpsProxy: 'http://proxy.example.test:3128', workloads: false };
    const given = environment(await charts.render({ values: least({}, { proxy }) }));
    expect(given['HTTPS_PROXY']).toBe('http://proxy.example.test:3128');
    expect(given).not.toHaveProperty('INGESTION_EXTRA_ENVS');
  });
});
