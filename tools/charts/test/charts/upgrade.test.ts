import { expect, test } from 'vitest';
import type { Rendered } from '../../src/index.ts';
import type { Rendering } from '../support/charts.ts';
import { agentCharts, chartsIn, least, withHelm } from '../support/charts.ts';
import { deployment, dig, find, has, idOf } from '../support/objects.ts';
import { FORMER_CHART } from '../support/values-files.ts';

/** Objects that go with an upgrade, by kind and name; what uses them goes with them. */
const GOES = ['Secret/ingestion.service-account-token', 'Secret/argowf-client-token'];

const RELEASES: readonly (readonly [title: string, rendering: Rendering])[] = [
  ['with Jobs', { release: 'collate-prod', values: least() }],
  ['named as the chart', { release: 'hybrid-ingestion-runner', values: least() }],
  ['with Argo', { release: 'collate-prod', values: least({}, { installArgoWorkflows: true }) }],
  ['without the registry helper', { release: 'x', values: least({}, { ecrRegistryHelper: { enabled: false } }) }],
  [
    'with placement in extraEnvs',
    {
      release: 'collate-prod',
      values: least({}, { extraEnvs: [{ name: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS', value: '{}' }] }),
    },
  ],
];

withHelm('a release of the former chart', () => {
  const ours = agentCharts();
  const former = chartsIn(() => FORMER_CHART);
  const both = (rendering: Rendering): Promise<readonly [readonly Rendered[], readonly Rendered[]]> =>
    Promise.all([former.render(rendering), ours.render(rendering)]);

  test.each(RELEASES)('%s keeps every object it has, by kind and name', async (_, rendering) => {
    const [before, after] = await both(rendering);
    const left = before.filter(({ kind, metadata }) => !has(after, kind, metadata.name)).map(idOf);
    expect(left.filter((id) => !GOES.includes(id))).toEqual([]);
  });

  test.each(RELEASES)('%s keeps what Kubernetes does not let anybody change', async (_, rendering) => {
    const [before, after] = await both(rendering);
    expect(dig(deployment(after), 'spec', 'selector')).toEqual(dig(deployment(before), 'spec', 'selector'));
    for (const binding of before.filter(({ kind }) => kind === 'RoleBinding')) {
      expect(find(after, 'RoleBinding', binding.metadata.name)['roleRef']).toEqual(binding['roleRef']);
    }
  });

  test.each(RELEASES)('%s keeps its accounts and whom the bindings are for', async (_, rendering) => {
    const [before, after] = await both(rendering);
    const account = (objects: readonly Rendered[]) =>
      dig(deployment(objects), 'spec', 'template', 'spec', 'serviceAccountName');
    expect(account(after)).toBe(account(before));
    for (const binding of before.filter(({ kind }) => kind === 'RoleBinding')) {
      const subjects = dig(find(after, 'RoleBinding', binding.metadata.name), 'subjects');
      expect(subjects).toEqual(expect.arrayContaining(dig(binding, 'subjects') as unknown[]));
    }
  });
});
