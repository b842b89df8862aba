import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_CHART, CONTROL_PLANE_CHART, keyTree, readValues } from '@runner/charts';
import type { ChartValues, Charts } from './blocks/helm.ts';
import { jsonProblems } from './blocks/json.ts';
import type { Programs } from './blocks/programs.ts';
import { commandProblems, programsOf } from './blocks/programs.ts';
import { quotableSources, quoteProblems } from './blocks/quotes.ts';
import { shellCommands } from './blocks/shell-commands.ts';
import { yamlProblems } from './blocks/yaml.ts';
import type { Fence } from './fences.ts';
import { fencesOf } from './fences.ts';
import { filesBelow, read } from './files.ts';
import { isVariable, variablesOf } from './variables.ts';
import type { Variables } from './variables.ts';

/** What blocks are held against. */
export interface Known {
  readonly programs: Programs;
  readonly variables: Variables;
  readonly sources: readonly string[];
}

/** Pages that people follow: every block of theirs is checked, and has to be of a known kind. */
export function guides(root: string): readonly string[] {
  const apps = filesBelow(join(root, 'apps'), '.md').filter((file) => !file.endsWith('CHANGELOG.md'));
  return [
    'README.md',
    ...filesBelow(join(root, 'docs'), '.md').map((file) => `docs/${file}`),
    ...apps.map((file) => `apps/${file}`),
  ];
}

/** Every block of every guide. */
export function guideFences(root: string): readonly Fence[] {
  return guides(root).flatMap((page) => fencesOf(page, read(root, page)));
}

function chartValues(folder: string, name: string): ChartValues {
  const tree = keyTree(readValues(readFileSync(join(folder, 'values.yaml'), 'utf8')));
  // What is given to the chart of Argo Workflows is that chart's matter.
  return { name, tree: 'argoWorkflows' in tree ? { ...tree, argoWorkflows: [{}, {}] } : tree };
}

export function charts(): Charts {
  return {
    agent: chartValues(AGENT_CHART, 'hybrid-ingestion-runner'),
    controlPlane: chartValues(CONTROL_PLANE_CHART, 'hybrid-runner-control-plane'),
  };
}

export function knownIn(root: string): Known {
  const sources = quotableSources(root);
  return { programs: programsOf(root, charts()), variables: variablesOf(root, sources), sources };
}

/** What is wrong with a block; nothing when it is right. */
export function fenceProblems({ kind, text }: Fence, known: Known): readonly string[] {
  switch (kind) {
    case 'sh':
      return shellProblems(text, known);
    case 'text':
      return quoteProblems(text, known.sources);
    case 'json':
    case 'json policy':
    case 'json trust':
    case 'json placement':
      return jsonProblems(kind, text);
    case 'yaml values':
    case 'yaml control-plane':
    case 'yaml kubernetes':
      return yamlProblems(kind, text, known.programs.charts);
    case '':
      return /[│┌└─►◄]/.test(text) ? [] : ['say what this block is: only drawings have no kind'];
    default:
      return [`"${kind}" is no kind of block that is checked`];
  }
}

function shellProblems(text: string, { programs, variables }: Known): readonly string[] {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
  if (status !== 0) return [`bash: ${stderr.trim()}`];
  return shellCommands(text).flatMap((command) => {
    const exported = command.words[0] === 'export' ? command.words.slice(1) : [];
    const set = [...command.assignments.map(({ name }) => name), ...exported.map((word) => word.replace(/=.*$/s, ''))];
    return [
      ...set.filter((name) => !isVariable(variables, name)).map((name) => `nothing of ours reads the variable ${name}`),
      ...commandProblems(command, programs),
    ];
  });
}

/** Every fenced block of the guides is of a known kind, and what it names exists. */
export function checkBlocks(root: string): readonly string[] {
  const known = knownIn(root);
  return guideFences(root).flatMap((fence) =>
    fenceProblems(fence, known).map((problem) => `${fence.page}:${fence.line}: ${problem}`),
  );
}
