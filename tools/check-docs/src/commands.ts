import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, read } from './files.ts';

interface Manifest {
  readonly name?: string;
  readonly scripts?: Readonly<Record<string, string>>;
}

function scriptsOf(root: string, workspace: string): Readonly<Record<string, string>> {
  const manifests = filesBelow(root, 'package.json').map((file) => JSON.parse(read(root, file)) as Manifest);
  return manifests.find((manifest) => manifest.name === workspace)?.scripts ?? {};
}

/** npm commands and files to run that stand in fenced shell blocks exist. */
export function checkCommands(root: string): readonly string[] {
  const scripts = (JSON.parse(read(root, 'package.json')) as Manifest).scripts ?? {};
  const builtin = new Set(['ci', 'install', 'run', 'exec', 'pack', 'publish']);
  const findings: string[] = [];
  for (const page of filesBelow(root, '.md').filter((file) => !file.endsWith('CHANGELOG.md'))) {
    for (const [, block = ''] of read(root, page).matchAll(/```sh\n([\s\S]*?)```/g)) {
      for (const [, words = '', workspace] of block.matchAll(/\bnpm ((?:run )?[a-z0-9:-]+)(?: --workspace (\S+))?/g)) {
        const name = words.replace(/^run /, '');
        const known = workspace === undefined ? scripts : scriptsOf(root, workspace);
        if (builtin.has(words) || name in known) continue;
        findings.push(`${page}: "npm ${words}" is no script of package.json`);
      }
      for (const [, file = ''] of block.matchAll(/((?:apps|tools|examples|packages)\/[\w./-]+\.(?:ts|mjs|json|sh))/g)) {
        if (!existsSync(join(root, file))) findings.push(`${page}: ${file} does not exist`);
      }
    }
  }
  return findings;
}
