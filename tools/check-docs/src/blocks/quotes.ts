import { join } from 'node:path';
import { filesBelow, read } from '../files.ts';

/** Stands for whatever a program puts into its sentence. */
const GAP = '\u0000';

/** The sources that may be quoted, every insertion of theirs being a gap. */
export function quotableSources(root: string): readonly string[] {
  const texts: string[] = [];
  for (const house of ['apps', 'packages']) {
    const sources = filesBelow(join(root, house), '.ts').filter((file) => /^[^/]+\/src\//.test(file));
    const templates = [...filesBelow(join(root, house), '.tpl'), ...filesBelow(join(root, house), 'NOTES.txt')];
    for (const file of [...sources, ...templates]) {
      texts.push(
        read(root, house, file)
          .replaceAll(/\$\{[^{}]*\}/g, GAP)
          .replaceAll(file.endsWith('NOTES.txt') ? /\{\{[^{}]*\}\}/g : /$^/g, GAP)
          .replaceAll(/%[sqd]/g, GAP)
          .replaceAll('\\"', '"')
          .replaceAll("\\'", "'"),
      );
    }
  }
  return texts;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Lines of a quotation that no source says. A word in CAPITALS, and the name of the protocol, may be what a program
 * inserts; anything else has to stand there letter by letter.
 */
export function quoteProblems(text: string, sources: readonly string[]): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const said = line.trim();
    if (said === '') return [];
    const pattern = said
      .split(/("?[A-Z][A-Z-]{2,}"?|hybrid-runner\.v1)/)
      .map((part, index) => (index % 2 === 0 ? escaped(part) : `(?:${GAP}|${escaped(part)})`))
      .join('');
    const regular = new RegExp(pattern);
    return sources.some((source) => regular.test(source)) ? [] : [`no source says: ${said}`];
  });
}
