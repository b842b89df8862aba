import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import type { MetricDefinition, MetricName } from './catalogue.ts';
import { METRICS } from './catalogue.ts';

/** A registry of its own for each agent, never the library's global one: two agents in one process stay apart. */
export interface MetricRegistry {
  readonly contentType: string;
  render(): Promise<string>;
  counter(name: MetricName<'counter'>): Counter;
  gauge(name: MetricName<'gauge'>): Gauge;
  histogram(name: MetricName<'histogram'>): Histogram;
  summary(name: MetricName<'summary'>): Summary;
}

/** @param collect is called at each scrape, before the values are read */
export function createMetricRegistry(collect: () => void): MetricRegistry {
  const registry = new Registry();
  const registers = [registry];
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  const summaries = new Map<string, Summary>();
  for (const metric of METRICS as readonly MetricDefinition[]) {
    const { name, help, labels = [], buckets = [] } = metric;
    const base = { name, help, labelNames: [...labels], registers };
    if (metric.type === 'counter') counters.set(name, new Counter(base));
    if (metric.type === 'gauge') gauges.set(name, new Gauge(base));
    if (metric.type === 'histogram') histograms.set(name, new Histogram({ ...base, buckets: [...buckets] }));
    // No percentiles: they cannot be added up over instances, and the names promise count and sum only.
    if (metric.type === 'summary') summaries.set(name, new Summary({ ...base, percentiles: [] }));
  }
  return {
    contentType: registry.contentType,
    render: async () => {
      collect();
      return await registry.metrics();
    },
    counter: (name) => known(counters, name),
    gauge: (name) => known(gauges, name),
    histogram: (name) => known(histograms, name),
    summary: (name) => known(summaries, name),
  };
}

function known<T>(metrics: ReadonlyMap<string, T>, name: string): T {
  const metric = metrics.get(name);
  if (metric === undefined) throw new TypeError(`the catalogue has no metric ${name} of this type`);
  return metric;
}
