import { VARIABLES } from './catalogue.ts';
import type { Variable, VariableGroup } from './variable.ts';

/** The order in which the README tells them. */
const GROUPS: readonly VariableGroup[] = [
  'identity',
  'network',
  'executor',
  'local executor',
  'secrets',
  'limits',
  'process',
  'tracing',
  'ingestion workloads',
  'argo',
];

/** Every name the agent reads, file variants included, older names left out; checks of the documents compare it. */
export const AGENT_VARIABLES: readonly { readonly name: string }[] = Object.entries<Variable>(VARIABLES).flatMap(
  ([name, { fileVariant }]) => (fileVariant === true ? [{ name }, { name: `${name}_FILE` }] : [{ name }]),
);

/** The table of all variables as Markdown; a test keeps the README equal to it. */
export function variableTable(): string {
  const entries = Object.entries<Variable>(VARIABLES);
  return tableOf(GROUPS.flatMap((group) => entries.filter(([, variable]) => variable.group === group)));
}

/** The table of some variables, in their order. */
export function tableOf(entries: readonly (readonly [string, Variable])[]): string {
  const rows = entries.flatMap(rowsOf);
  return ['| Variable | Form | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function rowsOf([name, variable]: readonly [string, Variable]): readonly string[] {
  const old = (variable.legacy ?? []).map((legacy) => `\`${legacy}\``).join(', ');
  const meaning = [
    variable.meaning,
    ...(variable.executors === undefined
      ? []
      : [`Executor: ${variable.executors.map((type) => `\`${type}\``).join(', ')}.`]),
    ...(old === '' ? [] : [`Old name: ${old}.`]),
  ].join(' ');
  const main = row(name, variable.format.shape, defaultOf(variable), meaning);
  if (variable.fileVariant !== true) return [main];
  return [main, row(`${name}_FILE`, 'path', '–', `File that holds \`${name}\`; set only one of the two.`)];
}

function row(name: string, ...cells: readonly string[]): string {
  return `| ${[`\`${name}\``, ...cells].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf(variable: Variable): string {
  if (variable.defaultNote !== undefined) return variable.defaultNote;
  return variable.default === undefined ? '–' : `\`${variable.default}\``;
}
