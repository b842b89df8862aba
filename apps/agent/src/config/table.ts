import { VARIABLES } from './catalogue.ts';
import type { Variable, VariableGroup } from './variable.ts';

const GROUPS: Readonly<Record<VariableGroup, string>> = {
  identity: 'Who this runner is',
  network: 'The way to the control plane',
  executor: 'Executor',
  'local executor': 'Local executor',
  'ingestion workloads': 'Workloads',
  argo: 'Argo',
  secrets: 'Secrets',
  limits: 'Limits and times',
  process: 'Process',
};

/** The table of all variables as Markdown; a test keeps the README equal to it. */
export function variableTable(): string {
  const entries = Object.entries<Variable>(VARIABLES);
  return Object.entries(GROUPS)
    .map(([group, title]) => {
      const rows = entries
        .filter(([, variable]) => variable.group === group)
        .map(([name, variable]) => row(name, variable));
      return [`### ${title}`, '', '| Variable | Form | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join(
        '\n',
      );
    })
    .join('\n\n');
}

function row(name: string, variable: Variable): string {
  const names = [name, ...(variable.fileVariant === true ? [`${name}_FILE`] : [])];
  const old = (variable.legacy ?? []).map((legacy) => `\`${legacy}\``).join(', ');
  const only = variable.executors === undefined || variable.group === 'argo' || variable.group === 'local executor';
  const meaning = [
    variable.meaning,
    ...(only ? [] : [`Read by ${variable.executors.map((type) => `\`${type}\``).join(', ')}.`]),
    ...(old === '' ? [] : [`Old name: ${old}.`]),
  ].join(' ');
  const cells = [names.map((one) => `\`${one}\``).join('<br>'), variable.format.shape, defaultOf(variable), meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf(variable: Variable): string {
  if (variable.defaultNote !== undefined) return variable.defaultNote;
  return variable.default === undefined ? '–' : `\`${variable.default}\``;
}
