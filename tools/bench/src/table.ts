import type { Figure, Section } from './figure.ts';
import { promiseText, ratioOf, verdictOf } from './figure.ts';
import { shortNumber } from './statistics.ts';

const HEAD = ['', 'measured', 'bare', 'ratio', 'promise', ''] as const;

/** The figures of one bench as a Markdown table whose columns line up; pure. */
export function sectionText({ title, figures, notes, seconds }: Section): string {
  const rows = figures.map(cells);
  const widths = HEAD.map((head, column) => Math.max(head.length, 3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => pad(cell, widths[column] ?? 0, isNumber(column))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (isNumber(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [
    `${title} (${shortNumber(seconds)} s)`,
    '',
    line(HEAD),
    rule,
    ...rows.map(line),
    ...(notes.length === 0 ? [] : ['']),
    ...notes,
  ].join('\n');
}

/** How many promises were met, for the last line. */
export function summary(sections: readonly Section[]): string {
  const verdicts = sections.flatMap(({ figures }) => figures.map(verdictOf));
  const count = (wanted: string): number => verdicts.filter((verdict) => verdict === wanted).length;
  const small = count('run too small');
  const counted = `promises: ${count('met')} met, ${count('missed')} missed`;
  return small === 0 ? counted : `${counted}, ${small} not judged because the run was too small`;
}

/** What `--json` writes: the figures with ratio and verdict; pure. */
export function report(sections: readonly Section[], machine: Readonly<Record<string, unknown>>) {
  return {
    machine,
    benches: sections.map(({ figures, ...section }) => ({
      ...section,
      figures: figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), verdict: verdictOf(figure) })),
    })),
  };
}

function cells(figure: Figure): readonly string[] {
  const { what, value, unit, bare } = figure;
  const ratio = ratioOf(figure);
  return [
    what,
    `${shortNumber(value)} ${unit}`,
    bare === undefined ? '' : `${shortNumber(bare)} ${unit}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    promiseText(figure),
    verdictOf(figure) ?? '',
  ];
}

const isNumber = (column: number): boolean => column >= 1 && column <= 3;

const pad = (text: string, width: number, right: boolean): string =>
  right ? text.padStart(width) : text.padEnd(width);
