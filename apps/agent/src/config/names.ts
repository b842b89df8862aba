import type { Finding } from './finding.ts';
import { shown } from './finding.ts';
import type { Environment } from './read.ts';
import type { Variable } from './variable.ts';

/**
 * Variables that nobody reads but that look like a misspelt one of ours. Kubernetes and shells put many others into the
 * environment, so only near misses are told.
 */
export function misspelt(table: Readonly<Record<string, Variable>>, env: Environment): readonly Finding[] {
  const known = knownNames(table);
  const findings: Finding[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (known.has(name) || value === undefined || value === '') continue;
    const near = nearest(name, known);
    if (near !== undefined) {
      findings.push({
        variable: name,
        // What it was meant to be decides; a misspelt token is a token.
        read: shown(value, true),
        message: 'is not read by anything here',
        fix: `if ${near} was meant, rename it`,
      });
    }
  }
  return findings;
}

function knownNames(table: Readonly<Record<string, Variable>>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, variable] of Object.entries(table)) {
    names.add(name);
    if (variable.fileVariant === true) names.add(`${name}_FILE`);
    if (name.endsWith('_PROXY')) names.add(name.toLowerCase());
    for (const legacy of variable.legacy ?? []) names.add(legacy);
  }
  return names;
}

const SHORTEST = 7;

function nearest(name: string, known: ReadonlySet<string>): string | undefined {
  const plain = bare(name);
  if (plain.length < SHORTEST) return undefined;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const target = bare(candidate);
    const limit = Math.min(2, Math.floor(target.length / 6));
    if (Math.abs(target.length - plain.length) > limit) continue;
    const distance = editDistance(plain, target);
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name: candidate, distance };
  }
  return best?.name;
}

const bare = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9]/g, '');

/** Insertions, deletions, replacements and swapped neighbours. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same, swapped));
    }
  }
  return at(a.length, b.length);
}
