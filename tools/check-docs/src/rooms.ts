import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectsIn, read } from './files.ts';

/** ARCHITECTURE.md names every room, and every room has a README. */
export function checkRooms(root: string): readonly string[] {
  const map = existsSync(join(root, 'ARCHITECTURE.md')) ? read(root, 'ARCHITECTURE.md') : '';
  const findings = map === '' ? ['write ARCHITECTURE.md'] : [];
  for (const house of ['packages', 'apps', 'tools', 'examples']) {
    for (const room of projectsIn(root, house)) {
      if (!map.includes(`${house}/${room}`)) findings.push(`ARCHITECTURE.md: say what ${house}/${room} is for`);
      if (!existsSync(join(root, house, room, 'README.md'))) findings.push(`${house}/${room}: write a README.md`);
    }
  }
  return findings;
}
