import { readFileSync } from 'node:fs';
import { testClock } from '@runner/core/testing';
import { METRICS, createAgentMetrics } from '@runner/metrics';
import type { MetricDefinition } from '@runner/metrics';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const { groups } = parse(read('apps/agent/chart/files/alerts.yaml')) as {
  groups: readonly { name: string; rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string }[];
}
const dashboard = JSON.parse(read('apps/agent/chart/files/dashboard.json')) as {
  panels: readonly Panel[];
  templating: { list: readonly { name: string }[] };
};
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Every series that the endpoint serves, with its labels. */
const SERIES = new Map<string, ReadonlySet<string>>();
for (const { name, type, labels = [] } of METRICS as readonly MetricDefinition[]) {
  const suffixes = {
    counter: [''],
    gauge: [''],
    summary: ['_sum', '_count'],
    histogram: ['_bucket', '_sum', '_count'],
  };
  for (const suffix of suffixes[type])
    SERIES.set(`${name}${suffix}`, new Set([...labels, ...(suffix === '_bucket' ? ['le'] : [])]));
}
/** Put there by Prometheus. */
const SCRAPED = new Set(['namespace', 'pod', 'container', 'job', 'instance']);

const seriesIn = (expr: string): readonly string[] =>
  [...expr.matchAll(/collate_hybrid_agent_\w+/g)].map(([name]) => name);
function strangeLabels(expr: string): readonly string[] {
  return [...expr.matchAll(/(collate_hybrid_agent_\w+)\{([^}]*)\}/g)].flatMap(([, name = '', matchers = '']) =>
    [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
      .map(([, label = '']) => label)
      .filter((label) => !SCRAPED.has(label) && SERIES.get(name)?.has(label) !== true),
  );
}

describe('the alerts', () => {
  it('are twelve or more, and no name comes twice', () => {
    expect(rules.length).toBeGreaterThanOrEqual(12);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('keep the name, the expression, the time and the severity of the two that everybody has', () => {
    const official = { for: '2m', labels: { severity: 'critical' } };
    expect(rules.find(({ alert }) => alert === 'HybridAgentDown')).toMatchObject({
      expr: 'up{container="hybrid-ingestion-runner"} == 0',
      ...official,
    });
    expect(rules.find(({ alert }) => alert === 'HybridAgentDisconnected')).toMatchObject({
      expr: 'collate_hybrid_agent_connected{container="hybrid-ingestion-runner"} == 0',
      ...official,
    });
  });

  it.each(rules)('$alert asks for series and labels that there are', ({ alert, expr }) => {
    if (!alert.match(/^HybridAgent(Down|Missing)$/)) expect(seriesIn(expr)).not.toEqual([]);
    expect(seriesIn(expr).filter((name) => !SERIES.has(name))).toEqual([]);
    expect(strangeLabels(expr)).toEqual([]);
  });

  it.each(rules)('$alert has words, a severity and a runbook that exists', ({ alert, labels, annotations }) => {
    expect(labels['severity']).toMatch(/^(warning|critical)$/);
    expect(annotations['summary']).toBeTruthy();
    expect(annotations['description']).toBeTruthy();
    const [page, anchor] = (annotations['runbook_url'] ?? '').split('#');
    expect(page).toMatch(/\/docs\/runbooks\.md$/);
    expect(anchor).toBe(alert.toLowerCase());
    expect(read('docs/runbooks.md').split('\n')).toContain(`## ${alert}`);
  });

  it('are all that the runbooks speak of', () => {
    const sections = [...read('docs/runbooks.md').matchAll(/^## (HybridAgent\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(rules.map(({ alert }) => alert).sort((a, b) => sections.indexOf(a) - sections.indexOf(b)));
  });
});

describe('the runbooks', () => {
  it.each([
    ['HybridAgentRefusals', 'refusals_total'],
    ['HybridAgentNothingClaimed', 'waits_total'],
  ])('%s explains every code that is counted by itself', async (alert, metric) => {
    const text = await createAgentMetrics({ clock: testClock() }).render();
    const codes = [...text.matchAll(new RegExp(`^collate_hybrid_agent_${metric}\\{code="(\\w+)"`, 'gm'))];
    const section = read('docs/runbooks.md').split(`## ${alert}\n`)[1]?.split('\n## ')[0] ?? '';
    const silent = codes.map(([, code = '']) => code).filter((code) => code !== 'other' && !section.includes(code));
    expect(codes.length).toBeGreaterThan(4);
    expect(silent).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('asks for series and labels that there are', () => {
    expect(expressions.flatMap(seriesIn).filter((name) => !SERIES.has(name))).toEqual([]);
    expect(expressions.flatMap(strangeLabels)).toEqual([]);
  });

  it('shows every metric, except the older names of the executor', () => {
    const shown = new Set(expressions.flatMap(seriesIn));
    const missing = [...SERIES.keys()].filter(
      (name) => !name.includes('_argo_') && !/_(bucket|sum|count)$/.test(name) && !shown.has(name),
    );
    expect(missing).toEqual([]);
    for (const { name, type } of METRICS as readonly MetricDefinition[]) {
      if (type === 'histogram' || (type === 'summary' && !name.includes('_argo_'))) {
        expect(
          [...shown].some((series) => series.startsWith(name)),
          name,
        ).toBe(true);
      }
    }
  });

  it.each([
    'collate_hybrid_agent_connected',
    'collate_hybrid_agent_jobs_counter_total',
    'sum by (status) (collate_hybrid_agent_jobs_total',
    'collate_hybrid_agent_cpu_usage',
    'collate_hybrid_agent_memory_usage',
    'rate(collate_hybrid_agent_server_response_time_seconds_sum',
    'collate_hybrid_agent_server_response_time_seconds_max',
    'rate(collate_hybrid_agent_executor_response_time_seconds_sum',
    'collate_hybrid_agent_executor_response_time_seconds_max',
    'rate(collate_hybrid_agent_jobs_total',
    'ALERTS{',
  ])('has what the original one shows: %s', (expression) => {
    expect(expressions.some((expr) => expr.includes(expression))).toBe(true);
  });

  it('leaves a standby out of sums of what it sees as the active one does', () => {
    const sums = expressions.filter((expr) =>
      /^sum.*collate_hybrid_agent_(jobs_total|runs_pending|slots|slots_free)\{/.test(expr),
    );
    expect(sums.length).toBeGreaterThanOrEqual(6);
    const doubled = sums.filter((expr) => !expr.includes('unless on (namespace, pod)'));
    expect(doubled).toEqual([]);
  });

  it('shows the heap in the unit that the metric has', () => {
    const heap = dashboard.panels.find(({ targets = [] }) => targets.some(({ expr }) => expr.includes('memory_usage')));
    // Grafana's name of 1,048,576 bytes; `decmbytes` is a million.
    expect(heap?.fieldConfig?.defaults.unit).toBe('mbytes');
  });

  it('filters by namespace and pod', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'namespace', 'pod']);
    const unfiltered = expressions.filter((expr) => !expr.includes('namespace=~"$namespace"'));
    expect(unfiltered).toEqual([]);
  });
});
