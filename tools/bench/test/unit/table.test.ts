import { describe, expect, it } from 'vitest';
import type { Figure, Section } from '../../src/figure.ts';
import { promiseText, ratioOf, verdictOf } from '../../src/figure.ts';
import { report, sectionText, summary } from '../../src/table.ts';

const speed: Figure = { what: 'speed', value: 60, unit: 'MB/s', bare: 100, promised: { of: 'ratio', least: 0.5 } };
const memory: Figure = { what: 'memory', value: 31, unit: 'KiB', promised: { of: 'value', most: 30 } };
const plain: Figure = { what: 'plain', value: 1.5, unit: 'ms' };
const small: Figure = { ...memory, promised: { of: 'value', most: 30, tooSmall: true } };
const section: Section = {
  bench: 'sample',
  title: 'A sample',
  figures: [speed, memory, plain, small],
  notes: ['Something to know.'],
  seconds: 2,
};

describe('a figure', () => {
  it('is held against its promise by its ratio or by its value', () => {
    expect([speed, memory, plain, small].map(verdictOf)).toEqual(['met', 'missed', undefined, 'run too small']);
    expect(verdictOf({ ...speed, value: 50 })).toBe('met');
    expect(verdictOf({ ...speed, value: 49 })).toBe('missed');
    expect(verdictOf({ ...memory, value: 30 })).toBe('met');
  });

  it('misses its promise when it could not be measured', () => {
    expect(verdictOf({ ...memory, value: Number.NaN })).toBe('missed');
    expect(verdictOf({ ...speed, bare: 0 })).toBe('missed');
  });

  it('has a ratio only beside something bare', () => {
    expect([speed, memory].map(ratioOf)).toEqual([0.6, undefined]);
  });

  it('says its promise, with the unit unless it is a ratio', () => {
    expect([speed, memory, plain].map(promiseText)).toEqual(['≥ 0.5', '≤ 30 KiB', '']);
  });
});

describe('the table', () => {
  it('is Markdown whose columns line up', () => {
    expect(sectionText(section).split('\n')).toEqual([
      'A sample (2.00 s)',
      '',
      '|        |  measured |     bare | ratio | promise  |               |',
      '| ------ | --------: | -------: | ----: | -------- | ------------- |',
      '| speed  | 60.0 MB/s | 100 MB/s |  0.60 | ≥ 0.5    | met           |',
      '| memory |  31.0 KiB |          |       | ≤ 30 KiB | missed        |',
      '| plain  |   1.50 ms |          |       |          |               |',
      '| memory |  31.0 KiB |          |       | ≤ 30 KiB | run too small |',
      '',
      'Something to know.',
    ]);
  });

  it('counts what was promised', () => {
    expect(summary([section])).toBe('promises: 1 met, 1 missed, 1 not judged because the run was too small');
    expect(summary([{ ...section, figures: [speed] }])).toBe('promises: 1 met, 0 missed');
  });

  it('is also a report with ratios and verdicts', () => {
    const { machine, benches } = report([section], { cores: '2 cores' });
    expect(machine).toEqual({ cores: '2 cores' });
    expect(benches[0]?.figures[0]).toEqual({ ...speed, ratio: 0.6, verdict: 'met' });
  });
});
