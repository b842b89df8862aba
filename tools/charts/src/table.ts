import type { Value } from './values.ts';

/** The table of values in a README, in Markdown. */
export function tableOf(values: readonly Value[], options: { readonly marksAdded: boolean }): string {
  const rows = values.map((value) => [
    names(value),
    standard(value.default),
    `${value.meaning}${words(value)}`,
    ...(options.marksAdded ? [value.added ? 'new' : ''] : []),
  ]);
  const head = ['Value', 'Default', 'Meaning', ...(options.marksAdded ? [''] : [])];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Its path, and the one with its other name. */
function names({ path, alias }: Value): string {
  const other = alias === undefined ? '' : `, \`${[...path.split('.').slice(0, -1), alias].join('.')}\``;
  return `\`${path}\`${other}`;
}

function standard(value: unknown): string {
  if (value === '' || value === null) return '–';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

const KINDS = new Set(['string', 'text', 'count', 'seconds', 'flag', 'boolean', 'list', 'map', 'names', 'quantity']);

/** The words a value may be, when it is a choice. */
function words({ type }: Value): string {
  if (type.every((word) => KINDS.has(word))) return '';
  const listed = type.filter((word) => word !== '').map((word) => `\`${word}\``);
  return ` One of ${listed.join(', ')}.`;
}

const BEGIN = '<!-- values: made by `npm run charts` -->';
const END = '<!-- end of values -->';

/** A README with the table put between its two marks. Throws when it has none. */
export function withTable(readme: string, table: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`a README of a chart needs the lines ${BEGIN} and ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${readme.slice(end)}`;
}
