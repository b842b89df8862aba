import { METRICS } from '@runner/metrics';
import { read, tableColumn } from './files.ts';

/** docs/operations.md lists every metric there is, and none that is not. */
export function checkMetrics(root: string): readonly string[] {
  const documented = tableColumn(read(root, 'docs/operations.md'), /^#+ Metrics/);
  if (documented === undefined) return ['docs/operations.md: write a table under the heading "Metrics"'];
  const names = new Set<string>(METRICS.map((metric) => metric.name));
  return [
    ...[...names]
      .filter((name) => !documented.includes(name))
      .map((name) => `docs/operations.md: add the metric ${name}`),
    ...documented.filter((name) => !names.has(name)).map((name) => `docs/operations.md: there is no metric ${name}`),
  ];
}
