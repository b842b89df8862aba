import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ruleEngine } from '../../src/rule-engine.ts';
import type { RuleTest } from '../../src/rule-engine.ts';

const read = (path: string): unknown => parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
}
interface Case {
  readonly name: string;
  readonly interval?: string;
  readonly input_series: readonly { readonly series: string; readonly values: string }[];
  readonly promql_expr_test: readonly {
    readonly expr: string;
    readonly eval_time: string;
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
  }[];
}

const { groups } = read('../../../../apps/agent/chart/files/alerts.yaml') as {
  groups: readonly { rules: readonly Rule[] }[];
};
const { tests } = read('../rules/alerts.test.yaml') as { tests: readonly Case[] };
const rules = groups.flatMap((group) => group.rules);

function seconds(duration: string): number {
  const units = { h: 3_600, m: 60, s: 1 };
  const parts = [...duration.matchAll(/(\d+)([hms])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0);
}

function ruleTest({ interval = '1m', input_series: series, promql_expr_test: queries }: Case): RuleTest {
  return {
    stepSeconds: 60,
    load: [`load ${interval}`, ...series.map((line) => `  ${line.series} ${line.values}`)].join('\n'),
    rules: rules.map((rule) => ({ alert: rule.alert, expr: rule.expr, forSeconds: seconds(rule.for ?? '0s') })),
    queries: queries.map(({ expr, eval_time: at }) => ({ expr, atSeconds: seconds(at) })),
  };
}

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
const sorted = (samples: readonly object[]): readonly string[] =>
  samples.map((sample) => JSON.stringify(sample)).sort();

const engine = ruleEngine(process.env);
if (typeof engine === 'string') console.warn(`SKIPPED: alerts were not evaluated. ${engine}`);

describe.skipIf(typeof engine === 'string')('the alerts, evaluated by the engine of Prometheus', () => {
  it.each(tests)('$name', (one) => {
    if (typeof engine === 'string') return;
    const answers = engine(ruleTest(one));
    for (const [index, { expr, eval_time: at, exp_samples: expected }] of one.promql_expr_test.entries()) {
      const wanted = expected.map(({ labels, value }) => ({ labels: labelsOf(labels), value }));
      const order = ({ labels, value }: { labels: Readonly<Record<string, string>>; value: number }) => ({
        labels: Object.fromEntries(Object.entries(labels).sort()),
        value,
      });
      expect(sorted((answers[index] ?? []).map(order)), `${expr} at ${at}`).toEqual(sorted(wanted.map(order)));
    }
  });

  it('each have a test in which they fire', () => {
    const text = readFileSync(new URL('../rules/alerts.test.yaml', import.meta.url), 'utf8');
    expect(rules.map(({ alert }) => alert).filter((alert) => !text.includes(`alertname="${alert}"`))).toEqual([]);
  });
});
