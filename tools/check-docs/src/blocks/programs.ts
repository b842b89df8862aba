import { read } from '../files.ts';
import type { Charts } from './helm.ts';
import { helmProblems } from './helm.ts';
import type { ShellCommand } from './shell-commands.ts';

/** What programs of ours can be told, read from their sources, and the charts. */
export interface Programs {
  readonly runnerCommands: ReadonlySet<string>;
  readonly secretsCommands: ReadonlySet<string>;
  readonly clusterCommands: ReadonlySet<string>;
  readonly charts: Charts;
}

/** Programs of others. Their own command lines are only looked at as far as bash does, but for the first words of some. */
const FOREIGN: Readonly<Record<string, readonly string[] | undefined>> = {
  aws: ['iam', 'eks', 'ecr', 'secretsmanager', 'ssm', 'sts'],
  az: ['aks', 'keyvault', 'identity', 'role', 'acr'],
  docker: ['build', 'network', 'push', 'run', 'tag'],
  gcloud: ['container', 'iam', 'secrets', 'projects', 'artifacts', 'services'],
  kind: ['create', 'delete', 'load'],
  kubectl: [
    ...['annotate', 'apply', 'auth', 'config', 'create', 'delete', 'describe', 'exec', 'get', 'label', 'logs', 'patch'],
    ...['port-forward', 'rollout', 'scale', 'wait', 'run', 'set', 'explain'],
  ],
  oc: ['adm', 'get', 'describe'],
};
const PLAIN = new Set([
  ...[
    'base64',
    'cat',
    'cd',
    'cp',
    'curl',
    'echo',
    'eval',
    'export',
    'git',
    'grep',
    'jq',
    'mkdir',
    'node',
    'npm',
    'npx',
  ],
  ...[
    'openssl',
    'pg_dump',
    'pg_restore',
    'printf',
    'psql',
    'sed',
    'tools/cluster/cluster',
    'tools/cluster/image.py',
    'umask',
  ],
]);

/** Reads the command lines of our programs out of their sources. */
export function programsOf(root: string, charts: Charts): Programs {
  const found = (file: string, pattern: RegExp): ReadonlySet<string> =>
    new Set([...read(root, file).matchAll(pattern)].map(([, name = '']) => name));
  return {
    runnerCommands: new Set([...found('apps/agent/src/main.ts', /\.command\('([a-z-]+)'/g), '--help', '--version']),
    secretsCommands: found('packages/secrets/src/cli/arguments.ts', /^ {2}runner-secrets ([a-z]+)/gm),
    clusterCommands: found('tools/cluster/README.md', /^\| `([a-z]+)/gm),
    charts,
  };
}

/** What a command names that does not exist. */
export function commandProblems(command: ShellCommand, programs: Programs): readonly string[] {
  const [program = '', first = ''] = command.words;
  const one = (known: ReadonlySet<string>): readonly string[] =>
    first === '' || known.has(first) ? [] : [`"${program} ${first}" does not exist`];
  if (program === '') return [];
  if (program === 'helm') return helmProblems(command, programs.charts);
  if (program === 'hybrid-runner') return one(programs.runnerCommands);
  if (program === 'runner-secrets') return one(programs.secretsCommands);
  if (program === 'tools/cluster/cluster') return one(programs.clusterCommands);
  if (program === 'kubectl') return kubectlProblems(command, programs);
  const words = FOREIGN[program];
  if (words !== undefined)
    return words.includes(first) ? [] : [`"${program} ${first}" is no command that documents use`];
  return PLAIN.has(program) ? [] : [`"${program}" is no program that documents use`];
}

function kubectlProblems({ words }: ShellCommand, programs: Programs): readonly string[] {
  const verb = words.slice(1).find((word) => !word.startsWith('-')) ?? '';
  const inside = words.indexOf('--');
  return [
    ...(FOREIGN['kubectl']?.includes(verb) === true ? [] : [`"kubectl ${verb}" is no command that documents use`]),
    ...(inside < 0 || verb !== 'exec' ? [] : insideProblems(words.slice(inside + 1), programs)),
    ...(verb === 'logs' ? logsProblems(words) : []),
  ];
}

/** With a selector kubectl shows the last ten lines of each pod, so that a line of the start is not found. */
function logsProblems(words: readonly string[]): readonly string[] {
  const selects = words.some((word) => word === '-l' || word.startsWith('--selector'));
  if (!selects || words.some((word) => word.startsWith('--tail'))) return [];
  return ['"kubectl logs" with a label shows ten lines of each pod: say how many with --tail'];
}

/** What runs in a container of ours: there is no shell in it, so only what the images have. */
function insideProblems(words: readonly string[], programs: Programs): readonly string[] {
  const [program = ''] = words;
  if (program === '/nodejs/bin/node') return [];
  if (program === 'hybrid-runner' || program === 'runner-secrets')
    return commandProblems({ assignments: [], words }, programs);
  return [`"${program}" is not in the image`];
}
