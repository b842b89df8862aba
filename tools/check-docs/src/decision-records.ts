import { join } from 'node:path';
import { filesBelow, read } from './files.ts';

/** The index of the decision records lists each of them. */
export function checkDecisionRecords(root: string): readonly string[] {
  const folder = join(root, 'docs/adr');
  const index = read(folder, 'README.md');
  return filesBelow(folder, '.md')
    .filter((file) => file !== 'README.md' && !index.includes(`(${file})`))
    .map((file) => `docs/adr/README.md: list ${file}`);
}
