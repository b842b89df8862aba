import { isLeaf, isMap } from '@runner/charts';
import type { KeyTree, Leaf } from '@runner/charts';
import type { ShellCommand } from './shell-commands.ts';
import { splitOnce } from './shell-commands.ts';

/** Known keys of a chart's values, as the chart's own files have them. */
export interface ChartValues {
  readonly name: string;
  readonly tree: KeyTree;
}

export interface Charts {
  readonly agent: ChartValues;
  readonly controlPlane: ChartValues;
}

/** A command that takes values, as it was written. */
export interface HelmRelease {
  readonly chart: 'agent' | 'controlPlane';
  /** Operands of `--set`, `--set-string` and `--set-file`, with the flag. */
  readonly sets: readonly { readonly flag: string; readonly assignment: string }[];
}

const WITH_VALUES = new Set(['install', 'upgrade', 'template']);
const OTHERS = new Set([
  'test',
  'uninstall',
  'rollback',
  'history',
  'list',
  'status',
  'get',
  'dependency',
  'repo',
  'lint',
]);
const FLAGS = new Set([
  ...['--namespace', '-n', '--create-namespace', '--values', '-f', '--set', '--set-string', '--set-file', '--version'],
  ...['--install', '--reset-then-reuse-values', '--wait', '--timeout', '--all', '--revision', '--kube-context'],
  '--output',
]);
const SETS = new Set(['--set', '--set-string', '--set-file']);
const OPERANDS = new Set([
  ...['--namespace', '-n', '--values', '-f', '--version', '--timeout', '--revision', '--output'],
  ...SETS,
]);

/** What a helm command gives to which chart; undefined when it takes no values. */
export function helmRelease({ words }: ShellCommand): HelmRelease | undefined {
  if (words[0] !== 'helm' || !WITH_VALUES.has(words[1] ?? '')) return undefined;
  const { operands, sets } = read(words.slice(2));
  const chart = operands[1] ?? '';
  return { chart: chart.includes('control-plane') ? 'controlPlane' : 'agent', sets };
}

function read(words: readonly string[]): { readonly operands: readonly string[] } & Pick<HelmRelease, 'sets'> {
  const operands: string[] = [];
  const sets: { flag: string; assignment: string }[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) operands.push(word);
    else if (OPERANDS.has(word)) {
      at += 1;
      if (SETS.has(word)) sets.push({ flag: word, assignment: words[at] ?? '' });
    }
  }
  return { operands, sets };
}

/** The command and its flags exist, and so does every value that it sets. */
export function helmProblems(command: ShellCommand, charts: Charts): readonly string[] {
  const [, verb = '', ...rest] = command.words;
  if (!WITH_VALUES.has(verb) && !OTHERS.has(verb)) return [`"helm ${verb}" is no command that documents use`];
  const flags = rest.filter((word) => word.startsWith('-')).map((word) => splitOnce(word)[0]);
  const release = helmRelease(command);
  return [
    ...flags
      .filter((flag) => !FLAGS.has(flag))
      .map((flag) => `"helm ${verb}" with ${flag}: add it to the known flags if it exists`),
    ...(release?.sets ?? []).flatMap(({ assignment }) =>
      assignmentsOf(assignment).flatMap(({ path, value }) => [
        ...unknownKeys(charts[release?.chart ?? 'agent'], path),
        ...(value === '' ? [`--set ${path.join('.')}: give it a value`] : []),
      ]),
    ),
  ];
}

/** `a.b=c,d=e` as Helm splits it; a dot or comma behind a backslash belongs to the key or value. */
export function assignmentsOf(
  operand: string,
): readonly { readonly path: readonly string[]; readonly value: string }[] {
  return operand.split(/(?<!\\),(?![^{]*\})/).map((part) => {
    const [key, value] = splitOnce(part);
    const path = key.split(/(?<!\\)\./).map((name) => name.replaceAll('\\', '').replace(/\[\d+\]$/, ''));
    return { path, value };
  });
}

/** What of a path is no key of the chart. Below a key that holds a value anything may stand: it is the value's own. */
function unknownKeys({ name, tree }: ChartValues, path: readonly string[]): readonly string[] {
  let at: KeyTree | Leaf = tree;
  for (const key of path) {
    if (isLeaf(at)) return [];
    const next: KeyTree | Leaf | undefined = at[key];
    if (next === undefined) return [`${path.join('.')} is no value of the chart ${name}`];
    at = next;
  }
  return [];
}

/** Keys of a values file that the chart does not have. */
export function valuesProblems(chart: ChartValues, values: unknown): readonly string[] {
  if (!isMap(values)) return ['write a mapping of values'];
  return pathsOf(values, chart.tree).flatMap((path) => unknownKeys(chart, path));
}

function pathsOf(values: Readonly<Record<string, unknown>>, tree: KeyTree): readonly (readonly string[])[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const below = tree[key];
    if (below === undefined || isLeaf(below) || !isMap(value)) return [[key]];
    return pathsOf(value, below).map((path) => [key, ...path]);
  });
}
