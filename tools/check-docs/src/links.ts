import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow, read } from './files.ts';

const LINK = /\]\(([^)\s]+)\)/g;

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[`*_]/g, '')
    .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

function anchorsOf(file: string): ReadonlySet<string> {
  return new Set(
    read(file)
      .split('\n')
      .filter((line) => /^#+ /.test(line))
      .map((line) => slug(line.replace(/^#+ /, ''))),
  );
}

/** Every relative link leads to a file of the repository, and its anchor to a heading there. */
export function checkLinks(root: string): readonly string[] {
  const findings: string[] = [];
  for (const page of filesBelow(root, '.md').filter((file) => !file.endsWith('CHANGELOG.md'))) {
    const text = read(root, page).replaceAll(/```[\s\S]*?```/g, '');
    for (const [, target = ''] of text.matchAll(LINK)) {
      if (/^[a-z]+:/i.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      if (!existsSync(file)) findings.push(`${page}: the link ${target} leads nowhere`);
      else if (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor)) {
        findings.push(`${page}: ${target} names a heading that does not exist`);
      }
    }
  }
  return findings;
}
