import { readFileSync } from 'node:fs';
import { METRICS } from '@runner/metrics';
import { describe, expect, it } from 'vitest';

describe('the README', () => {
  it('lists every metric as the catalogue has it, in the same order', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const rows = readme.split('\n').filter((line) => line.startsWith('| `collate_'));
    const cells = rows.map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    expect(cells.map(([, name, type, labels, help]) => ({ name, type, labels, help }))).toEqual(
      METRICS.map(({ name, type, help, ...rest }) => ({
        name,
        type,
        labels: 'labels' in rest ? rest.labels.join(', ') : '–',
        help,
      })),
    );
  });
});
