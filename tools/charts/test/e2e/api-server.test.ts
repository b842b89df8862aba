import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { CONTROL_PLANE_CHART } from '../../src/index.ts';
import type { Rendered } from '../../src/index.ts';
import { agentCharts, chartsIn, withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import { chartNamespace, kubectlCommand } from '../support/cluster.ts';
import { EXAMPLES } from '../support/values-files.ts';

/** Of operators that a cluster need not have. */
const FOREIGN = ['ServiceMonitor', 'PrometheusRule', 'GrafanaDashboard'];

/** A pod is refused whose account does not exist, and nothing does in a dry run. */
function asDefaultAccount(object: Rendered): Rendered {
  if (object.kind !== 'Pod') return object;
  return { ...object, spec: { ...(object['spec'] as object), serviceAccountName: 'default' } };
}

/** What a real API server says to these objects, without keeping them. */
async function dryRun(objects: readonly Rendered[]) {
  const ours = objects.filter(({ kind }) => !FOREIGN.includes(kind)).map(asDefaultAccount);
  return await kubectlCommand(
    ['create', '--dry-run=server', '--validate=strict', '--filename', '-'],
    ours.map((object) => stringify(object)).join('---\n'),
  );
}

withHelm('a real API server takes', () => {
  const charts = agentCharts();
  const plane = chartsIn(() => CONTROL_PLANE_CHART);
  let namespace: ChartNamespace;
  beforeAll(async () => {
    namespace = await chartNamespace('dry');
  });
  afterAll(() => namespace[Symbol.asyncDispose]());

  test.each(EXAMPLES.map((file) => [basename(file), file] as const))(
    'every object of %s, with no field it does not know and no pod below the restricted level',
    async (_, file) => {
      const text = (await readFile(file, 'utf8')).replaceAll('ingestion-jobs', namespace.name);
      const values = { argoWorkflows: { namespaceOverride: namespace.name } };
      const objects = await charts.render({ namespace: namespace.name, text, values });
      const { code, stderr } = await dryRun(objects);
      const openShift = file.endsWith('openshift.yaml');
      // There the platform adds the profile before a pod is judged.
      expect(openShift ? stderr.replace(/^Warning: would violate PodSecurity.*seccompProfile.*\n/gm, '') : stderr).toBe(
        '',
      );
      expect(code).toBe(0);
    },
  );

  test('every object of the control plane', async () => {
    const values = {
      publicUrl: 'https://runner.example.test',
      database: { existingSecret: 'database' },
      ingress: { enabled: true, tlsSecret: 'tls' },
    };
    const objects = await plane.render({ namespace: namespace.name, values });
    expect(await dryRun(objects)).toMatchObject({ code: 0, stderr: '' });
  });
});
