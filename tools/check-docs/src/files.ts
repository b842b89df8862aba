import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const SKIPPED = new Set(['node_modules', 'dist', 'out-tsc', '.git', '.nx', '.runner', 'coverage']);

/** Paths below `folder`, relative to it, that end in `suffix`. */
export function filesBelow(folder: string, suffix: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const found: string[] = [];
  const walk = (at: string): void => {
    for (const name of readdirSync(at)) {
      if (SKIPPED.has(name)) continue;
      const path = join(at, name);
      if (statSync(path).isDirectory()) walk(path);
      else if (name.endsWith(suffix)) found.push(relative(folder, path));
    }
  };
  walk(folder);
  return found.sort();
}

export const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');

/** Names of the projects in a folder such as `packages`. */
export function projectsIn(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder)).filter((name) => existsSync(join(root, folder, name, 'package.json')));
}

/**
 * First cells of the table below a heading, without backquotes. Undefined when there is no such heading or no table
 * under it.
 */
export function tableColumn(markdown: string, heading: RegExp, column = 0): readonly string[] | undefined {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => heading.test(line));
  if (start < 0) return undefined;
  const rest = lines.slice(start + 1);
  const level = /^#+/.exec(lines[start] ?? '')?.[0].length ?? 1;
  const end = rest.findIndex((line) => {
    const marks = /^(#+) /.exec(line)?.[1];
    return marks !== undefined && marks.length <= level;
  });
  const rows = rest.slice(0, end < 0 ? undefined : end).filter((line) => line.startsWith('|'));
  const cells = rows
    .filter((line) => !/^\|[\s:|-]+\|$/.test(line))
    .map((line) => (line.split(/(?<!\\)\|/)[column + 1] ?? '').trim());
  return cells.length === 0 ? undefined : cells.slice(1).map((cell) => cell.replaceAll('`', ''));
}

/** First cells of the first table after a line, without backquotes. Undefined when there is no such line or table. */
export function firstTableAfter(markdown: string, line: RegExp): readonly string[] | undefined {
  const lines = markdown.split('\n');
  const start = lines.findIndex((text) => line.test(text));
  if (start < 0) return undefined;
  const rest = lines.slice(start + 1);
  const from = rest.findIndex((text) => text.startsWith('|'));
  if (from < 0) return undefined;
  const length = rest.slice(from).findIndex((text) => !text.startsWith('|'));
  const rows = rest.slice(from, length < 0 ? undefined : from + length);
  return tableColumn(['# Table', ...rows].join('\n'), /^# Table/);
}
