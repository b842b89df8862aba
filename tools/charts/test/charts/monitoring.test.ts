import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT_CHART } from '../../src/index.ts';
import { agentCharts, least, withHelm } from '../support/charts.ts';
import { deployment, dig, find } from '../support/objects.ts';

interface Group {
  readonly name: string;
  readonly rules: readonly {
    readonly alert: string;
    readonly expr: string;
    readonly for?: string;
    readonly labels?: unknown;
  }[];
}

withHelm('monitoring', () => {
  const charts = agentCharts();
  const groups = async (prometheusRules: object): Promise<readonly Group[]> =>
    dig(
      find(
        await charts.render({ values: least({}, { prometheusRules: { enabled: true, ...prometheusRules } }) }),
        'PrometheusRule',
        'demo-hybrid-ingestion-runner',
      ),
      'spec',
      'groups',
    ) as readonly Group[];

  test('the two alerts that people have keep name, expression and time', async () => {
    const rules = (await groups({})).flatMap((group) => group.rules);
    const container = '{container="hybrid-ingestion-runner"}';
    expect(rules).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          alert: 'HybridAgentDown',
          expr: `up${container} == 0`,
          for: '2m',
          labels: { severity: 'critical' },
        }),
        expect.objectContaining({
          alert: 'HybridAgentDisconnected',
          expr: `collate_hybrid_agent_connected${container} == 0`,
          for: '2m',
          labels: { severity: 'critical' },
        }),
      ]),
    );
  });

  test('an alert that is not wanted is left out', async () => {
    const rules = (await groups({ disabled: 'HybridAgentDown' })).flatMap((group) => group.rules);
    expect(rules.map(({ alert }) => alert)).not.toContain('HybridAgentDown');
    expect(rules.map(({ alert }) => alert)).toContain('HybridAgentDisconnected');
  });

  test('a missing pod is told by namespace and name of the release, and of no pod where none is wanted', async () => {
    const missing = async (values: object, fullname = 'demo-hybrid-ingestion-runner') => {
      const objects = await charts.render({ values: least({}, { prometheusRules: { enabled: true }, ...values }) });
      const kept = dig(find(objects, 'PrometheusRule', fullname), 'spec', 'groups') as readonly Group[];
      return kept.flatMap((group) => group.rules).find(({ alert }) => alert === 'HybridAgentMissing');
    };
    expect((await missing({}))?.expr).toBe(
      'absent(up{container="hybrid-ingestion-runner", namespace="runner", pod=~"demo-hybrid-ingestion-runner.+"})',
    );
    expect((await missing({ replicaCount: 0 }))?.expr).toBeUndefined();
    // A pod's name has 58 letters of those of its ReplicaSet at most.
    const long = 'a-runner-whose-name-takes-all-the-letters-there-are-for-it';
    const pods = /pod=~"(.*)\.\+"/.exec((await missing({ fullnameOverride: long }, long))?.expr ?? '')?.[1];
    expect(`${long}-6d4cf56db6`.slice(0, 58)).toContain(pods);
  });

  test('rules of the values are rendered as templates', async () => {
    const mine = { name: 'mine', rules: [{ alert: 'Mine', expr: 'up{namespace="{{ .Release.Namespace }}"}' }] };
    expect((await groups({ extraRules: [mine] })).at(-1)?.rules[0]?.expr).toBe('up{namespace="runner"}');
  });

  test.each([
    ['{{ $labels.pod }} has {{ $value | humanize }}', '{{ $labels.pod }} has {{ $value | humanize }}'],
    ['{{ printf "%.2f" $value }} in {{ .Release.Namespace }}', '{{ printf "%.2f" $value }} in runner'],
    ['{{ printf "High on {{ $labels.pod }}" }}, {{ $labels.pod }}', 'High on {{ $labels.pod }}, {{ $labels.pod }}'],
    ['{{ if gt $value 1.0 }}many{{ end }}', '{{ if gt $value 1.0 }}many{{ end }}'],
    ['{{ `{{ $labels.pod }}` }}', '{{ $labels.pod }}'],
  ])('of %s in a rule of the values Prometheus gets %s', async (written, got) => {
    const mine = { name: 'mine', rules: [{ alert: 'Mine', expr: 'up == 0', annotations: { summary: written } }] };
    expect((await groups({ extraRules: [mine] })).at(-1)?.rules[0]).toMatchObject({ annotations: { summary: got } });
  });

  test('the dashboard is the same for the operator and for the sidecar', async () => {
    const objects = await charts.render({
      values: least({}, { grafanaDashboard: { enabled: true, configMap: { enabled: true } } }),
    });
    const file: unknown = JSON.parse(await readFile(join(AGENT_CHART, 'files/dashboard.json'), 'utf8'));
    const operator = dig(find(objects, 'GrafanaDashboard', 'demo-hybrid-ingestion-runner'), 'spec', 'json');
    const sidecar = find(objects, 'ConfigMap', 'demo-hybrid-ingestion-runner-dashboard');
    expect(JSON.parse(String(operator))).toEqual(file);
    expect(JSON.parse(String(dig(sidecar, 'data', 'demo-hybrid-ingestion-runner-dashboard.json')))).toEqual(file);
    expect(sidecar.metadata.labels).toMatchObject({ grafana_dashboard: '1' });
  });

  test('ports and path that extraEnvs change are those that probes and Prometheus ask', async () => {
    const extraEnvs = [
      { name: 'METRICS_SERVER_PORT', value: 9100 },
      { name: 'METRICS_SERVER_PATH', value: '/prometheus' },
      { name: 'HEALTH_PORT', value: '9585' },
    ];
    const objects = await charts.render({ values: least({}, { extraEnvs, serviceMonitor: { enabled: true } }) });
    const [container] = dig(deployment(objects), 'spec', 'template', 'spec', 'containers') as readonly unknown[];
    expect(dig(container, 'ports')).toEqual([
      { name: 'app', containerPort: 9585, protocol: 'TCP' },
      { name: 'metrics-app', containerPort: 9100, protocol: 'TCP' },
    ]);
    expect(dig(container, 'livenessProbe', 'httpGet', 'port')).toBe('app');
    expect(dig(find(objects, 'ServiceMonitor', 'demo-hybrid-ingestion-runner'), 'spec', 'endpoints', '0')).toEqual({
      port: 'metrics-app',
      path: '/prometheus',
      interval: '30s',
    });
  });

  test('the ServiceMonitor reads the named port of the Service', async () => {
    const objects = await charts.render({ values: least({}, { serviceMonitor: { enabled: true } }) });
    expect(dig(find(objects, 'ServiceMonitor', 'demo-hybrid-ingestion-runner'), 'spec', 'endpoints')).toEqual([
      { port: 'metrics-app', path: '/metrics', interval: '30s' },
    ]);
  });
});
