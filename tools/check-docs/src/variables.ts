import { join } from 'node:path';
import { AGENT_VARIABLES } from '@runner/agent/config';
import { REGISTRY_OWN_VARIABLES } from '@runner/agent/registry';
import { CONTROL_PLANE_VARIABLES } from '@runner/control-plane/config';
import { filesBelow, read } from './files.ts';

/** Names of environment variables that something reads. */
export interface Variables {
  /** Of our programs, from their catalogues. */
  readonly ours: ReadonlySet<string>;
  /** Every word of that form in our sources: what SDKs and workloads read, too. */
  readonly words: ReadonlySet<string>;
}

const WORD = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;

export function variablesOf(root: string, sources: readonly string[]): Variables {
  const catalogues = [...AGENT_VARIABLES, ...CONTROL_PLANE_VARIABLES].map(({ name }) => name);
  const tools = filesBelow(join(root, 'tools'), '.ts')
    .filter((file) => /^[^/]+\/src\//.test(file))
    .map((file) => read(root, 'tools', file));
  return {
    ours: new Set([...catalogues, ...Object.keys(REGISTRY_OWN_VARIABLES)]),
    words: new Set([...sources, ...tools].flatMap((source) => source.match(WORD) ?? [])),
  };
}

/** Variables of a script itself are written in lower case. */
export function isVariable({ ours, words }: Variables, name: string): boolean {
  return ours.has(name) || words.has(name) || /^[a-z]/.test(name);
}

/** Names in running text that look like variables and are none. Placeholders therefore have no underscore. */
export function checkVariableNames(root: string, sources: readonly string[]): readonly string[] {
  const known = variablesOf(root, sources);
  return filesBelow(join(root, 'docs'), '.md')
    .filter((page) => !page.startsWith('adr/'))
    .flatMap((page) => {
      const text = read(root, 'docs', page).replaceAll(/^\s*```[\s\S]*?^\s*```/gm, '');
      const named = [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.match(WORD) ?? []);
      return [...new Set(named)]
        .filter((name) => !isVariable(known, name))
        .map((name) => `docs/${page}: nothing of ours reads the variable ${name}`);
    });
}
