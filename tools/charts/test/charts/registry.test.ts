import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stagedAgentChart } from '../../src/index.ts';
import { chartsIn, least, withHelm } from '../support/charts.ts';
import { dig, find } from '../support/objects.ts';

/** Shows what only the notes say, which `helm template` does not print. */
const PROBE = `apiVersion: v1
kind: ConfigMap
metadata:
  name: probe
data:
  registry: {{ include "runner.registryWithoutLogin" . | quote }}
`;

withHelm('the registry of the pull secret', () => {
  let staged: Awaited<ReturnType<typeof stagedAgentChart>> | undefined;
  beforeAll(async () => {
    staged = await stagedAgentChart();
    await writeFile(join(staged.folder, 'templates/probe.yaml'), PROBE);
  });
  afterAll(async () => {
    await staged?.[Symbol.asyncDispose]();
  });
  const charts = chartsIn(() => staged?.folder ?? '');
  const said = async (ecrRegistryHelper: object, ingestionPods: object = {}) => {
    const objects = await charts.render({ values: least({ ingestionPods }, { ecrRegistryHelper }) });
    return {
      registry: dig(find(objects, 'ConfigMap', 'demo-hybrid-ingestion-runner-config'), 'data', 'DOCKER_REGISTRY'),
      without: dig(find(objects, 'ConfigMap', 'probe'), 'data', 'registry'),
    };
  };
  const own = { repository: '123456789012.dkr.ecr.us-east-1.amazonaws.com/ingestion' };

  describe('is', () => {
    test.each([
      ['that of the account and region', {}, '118146679784.dkr.ecr.eu-west-1.amazonaws.com'],
      [
        'of another account and region',
        { region: 'us-east-1', collateCredentials: { values: { account: '123456789012' } } },
        '123456789012.dkr.ecr.us-east-1.amazonaws.com',
      ],
      ['the one that is named', { registry: 'registry.example.test' }, 'registry.example.test'],
      [
        'left to the account in the Secret, where the keys come from one',
        { collateCredentials: { secretRef: 'registry-keys' } },
        undefined,
      ],
      [
        'the one that is named, with a Secret too',
        { registry: 'registry.example.test', collateCredentials: { secretRef: 'registry-keys' } },
        'registry.example.test',
      ],
    ])('%s', async (_, helper, registry) => {
      expect((await said(helper)).registry).toBe(registry);
    });
  });

  test('that is not the one of the image is told in the notes, unless workloads have another pull secret', async () => {
    const host = '123456789012.dkr.ecr.us-east-1.amazonaws.com';
    expect((await said({})).without).toBe('');
    expect((await said({}, own)).without).toBe(host);
    expect((await said({ registry: `https://${host}/` }, own)).without).toBe('');
    expect((await said({}, { ...own, imagePullSecrets: 'my-credentials' })).without).toBe('');
    expect((await said({ enabled: true, collateCredentials: { secretRef: 'keys' } }, own)).without).toBe('');
  });
});
