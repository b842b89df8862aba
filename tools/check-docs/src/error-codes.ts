import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, projectsIn, read, tableColumn } from './files.ts';

/** `new RunnerError('code', …)` and the packages' own factories, `executorError('code', …)`. */
const THROWN = /\b(?:new RunnerError|[a-z]\w*Error)\(\s*'([a-z][a-z0-9]*(?:_[a-z0-9]+)*)'/g;

export function codesIn(source: string): readonly string[] {
  return [...source.matchAll(THROWN)].map((match) => match[1] ?? '');
}

/** Every code that a package creates stands in the "Error codes" table of its README, and nothing else does. */
export function checkErrorCodes(root: string): readonly string[] {
  const findings: string[] = [];
  for (const room of ['packages', 'apps']) {
    for (const name of projectsIn(root, room)) {
      const folder = join(root, room, name);
      const sources = filesBelow(join(folder, 'src'), '.ts').filter((file) => !file.startsWith('testing/'));
      const codes = new Set(sources.flatMap((file) => codesIn(read(folder, 'src', file))));
      if (!existsSync(join(folder, 'README.md'))) {
        findings.push(`${room}/${name}: write a README.md`);
        continue;
      }
      const documented = new Set(tableColumn(read(folder, 'README.md'), /^#+ Error codes/) ?? []);
      for (const code of codes) {
        if (!documented.has(code))
          findings.push(`${room}/${name}/README.md: add the error code ${code} to "Error codes"`);
      }
      const text = sources.map((file) => read(folder, 'src', file)).join('\n');
      for (const code of documented) {
        if (!text.includes(`'${code}'`))
          findings.push(`${room}/${name}/README.md: remove ${code}; no source has that code`);
      }
    }
  }
  return findings;
}
