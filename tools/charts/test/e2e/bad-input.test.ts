import { LONG_MS } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentPods, everything, logOf } from '../support/agents.ts';
import { withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import type { Deployment } from '../support/deployment.ts';
import { openDeployment } from '../support/deployment.ts';
import { overlaid } from '../support/values-tree.ts';

withHelm('helm install with values that cannot work', () => {
  let company: Deployment;
  let namespace: ChartNamespace;
  let before: readonly string[];
  beforeAll(async () => {
    company = await openDeployment();
    namespace = await company.namespace('bad');
    before = await everything(namespace.name);
  });
  afterAll(() => company[Symbol.asyncDispose]());

  test.each([
    ['no token', { config: { authToken: '' } }, /the token of the bot is missing: set config\.authToken/],
    [
      'both forms of the token',
      { config: { authTokenSecret: { name: 'bot-token' } } },
      /config\.authToken and config\.authTokenSecret\.name are both set/,
    ],
    [
      'an unknown key',
      { config: { agentID: 'x' } },
      /unknown key config\.agentID: did you mean config\.agentId\?|agentID/,
    ],
    ['a wrong type', { replicaCount: 'two' }, /replicaCount/],
    [
      'a quantity that is none',
      { config: { ingestionPods: { resources: { requests: { memory: 'much' } } } } },
      /config\/ingestionPods\/resources\/requests\/memory': 'much' does not match/,
    ],
    [
      'additionalPipelineConfigs that is no JSON',
      { config: { ingestionPods: { additionalPipelineConfigs: '{"metadata":' } } },
      /config\.ingestionPods\.additionalPipelineConfigs is not a JSON object by pipeline type/,
    ],
    [
      'a scheme in serverHost',
      { config: { serverHost: 'https://runner.example.test' } },
      /takes the host alone, without scheme or path; write "runner\.example\.test"/,
    ],
    ['a path in serverHost', { config: { serverHost: 'runner.example.test/api' } }, /without scheme or path/],
  ])('%s is refused in words', async (_, wrong, words) => {
    const { code, stderr } = await company.release('bad', namespace).attemptInstall(company.values('bad-input', wrong));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
  });

  test('nothing was made by any of them', async () => {
    expect(await everything(namespace.name)).toEqual(before);
  });

  test.each([
    {
      name: 'unknown-token',
      what: 'a token that the control plane does not know',
      wrong: { config: { authToken: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJmYWtlIn0.not-a-signature' } },
      words: /token/,
    },
    {
      name: 'no-authority',
      what: 'a control plane whose certificate authority nobody named',
      wrong: { privateCA: { configMap: '' } },
      words: /certificate.*NODE_EXTRA_CA_CERTS/,
    },
  ])('$what is told by the pod, which does not become Ready', async ({ name, wrong, words }) => {
    const usual = company.values(name, { ecrRegistryHelper: { enabled: false } });
    await using release = company.release(name, namespace);
    await release.install(overlaid(usual, wrong));
    const said = await eventually(
      'the pod says why there is no session',
      async () => {
        const [pod] = await agentPods(namespace.name);
        if (pod?.startedAt === undefined) return undefined;
        const lines = await logOf(namespace.name, pod.name);
        return lines.find(({ message }) => message === 'no session with the control plane');
      },
      LONG_MS,
    );
    expect(JSON.stringify(said)).toMatch(words);
    expect((await agentPods(namespace.name)).map(({ ready }) => ready)).toEqual([false]);
    expect((await company.runner(name))?.status).not.toBe('Active');
  });
});
