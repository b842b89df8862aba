import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT_CHART, isMap, readValues } from '../../src/index.ts';
import { agentCharts, least, withHelm } from '../support/charts.ts';
import { deployment, dig, environment, find, has } from '../support/objects.ts';
import { overlaid } from '../support/values-tree.ts';

/** Without these there is no runner; Helm says so in words. */
const NECESSARY = ['config.agentId', 'config.authToken', 'config.serverHost'];
/** Of these three one must be there: without all of them the values are not merged with those of the chart. */
const TELLING = ['privateCA'];

const values = readValues(await readFile(join(AGENT_CHART, 'values.yaml'), 'utf8'));
const keys = values.map(({ path }) => path);
const parents = (path: string): readonly string[] => {
  const parts = path.split('.');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'));
};
const sections = [...new Set(keys.flatMap(parents))];
const depth = (path: string): number => path.split('.').length;

const withNothingIn = (paths: readonly string[]): object =>
  paths.reduce<object>(
    (found, path) =>
      overlaid(found, path.split('.').reduceRight<unknown>((below, key) => ({ [key]: below }), null) as object),
    least(),
  );

withHelm('keys that were left empty', () => {
  const charts = agentCharts();

  test('are nothing, each in the form that it takes', async () => {
    const rest = keys.filter((key) => !NECESSARY.includes(key));
    const { code, stdout, stderr } = await charts.attempt({ values: withNothingIn(rest) });
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout).not.toMatch(/<nil>|<no value>|%!/);
    const given = environment(await charts.render({ values: withNothingIn(rest) }));
    expect(given).not.toHaveProperty('INGESTION_CPU_LIMIT');
    expect(given).not.toHaveProperty('INGESTION_IMAGE_PULL_SECRETS');
    expect(given['INGESTION_IMAGE']).toContain('collate-customers-ingestion-slim');
  });

  test.each(NECESSARY)('%s is missed in words', async (key) => {
    const { code, stderr } = await charts.attempt({ values: withNothingIn([key]) });
    expect(code).not.toBe(0);
    expect(stderr).toContain('These values cannot work');
  });

  test.each([1, 2, 3, 4])('sections %i deep are those of the chart', async (level) => {
    const empty = sections.filter((path) => depth(path) === level && path !== 'config' && !TELLING.includes(path));
    expect(empty).not.toEqual([]);
    expect(await charts.render({ values: withNothingIn(empty) })).toEqual(await charts.render({ values: least() }));
  });

  test('values of a former chart alone are told from a section without a value', async () => {
    const bare = { rbac: null, proxy: null, privateCA: null };
    const { stderr } = await charts.attempt({ values: least({}, bare) });
    expect(stderr).toContain('--reset-then-reuse-values');
  });
});

withHelm('texts that people wrote as numbers or flags', () => {
  const charts = agentCharts();

  test('are texts wherever Kubernetes takes nothing else', async () => {
    const objects = await charts.render({
      values: least(
        { agentId: 4711, ingestionPods: { podLabels: { on: true }, podAnnotations: { 'prometheus.io/scrape': true } } },
        {
          commonLabels: { cost: 1234567 },
          commonAnnotations: { checked: true },
          podAnnotations: { port: 8989 },
          podLabels: { gpu: false },
          nodeSelector: { ssd: true },
          serviceAccount: { annotations: { since: 2026 } },
          grafanaDashboard: { enabled: true, instanceSelector: { main: true } },
        },
      ),
    });
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({ cost: '1234567' });
      expect(metadata.annotations).toMatchObject({ checked: 'true' });
    }
    expect(dig(deployment(objects), 'spec', 'template')).toMatchObject({
      metadata: { annotations: { port: '8989' }, labels: { gpu: 'false' } },
      spec: { nodeSelector: { ssd: 'true' } },
    });
    const given = environment(objects);
    expect(given['AGENT_ID']).toBe('4711');
    expect(given['INGESTION_POD_LABELS']).toBe('{"on":"true"}');
    expect(given['INGESTION_POD_ANNOTATIONS']).toBe('{"prometheus.io/scrape":"true"}');
    const name = 'demo-hybrid-ingestion-runner';
    expect(find(objects, 'ServiceAccount', name).metadata.annotations).toMatchObject({ since: '2026' });
    expect(dig(find(objects, 'GrafanaDashboard', name), 'spec', 'instanceSelector', 'matchLabels', 'main')).toBe(
      'true',
    );
  });

  test.each([
    ['123', '2026'],
    ['true', '1e3'],
    ['null', 'no'],
  ])('release %s in namespace %s: names stay names', async (release, namespace) => {
    const more = { networkPolicy: { enabled: true }, podDisruptionBudget: { enabled: true } };
    const objects = await charts.render({ release, namespace, values: least({}, more) });
    const odd: unknown[] = [];
    const look = (value: unknown, under: string): void => {
      if (Array.isArray(value)) for (const each of value as readonly unknown[]) look(each, under);
      else if (isMap(value)) for (const [key, below] of Object.entries(value)) look(below, key);
      else if (/^(name|namespace|app\.kubernetes\.io\/.*)$/.test(under) && typeof value !== 'string') odd.push(value);
    };
    look(objects, '');
    expect(odd).toEqual([]);
    expect(dig(deployment(objects), 'spec', 'selector', 'matchLabels', 'app.kubernetes.io/instance')).toBe(release);
    expect(has(objects, 'Deployment', `${release}-hybrid-ingestion-runner`)).toBe(true);
  });
});
