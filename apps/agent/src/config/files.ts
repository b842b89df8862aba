import type { Findings } from './finding.ts';
import type { ReadFile } from './read.ts';

/** Adds a problem for a variable that must be set; one problem for a variable is enough. */
export function missing(out: Findings, variable: string, fix: string): void {
  if (out.problems.some((problem) => problem.variable === variable)) return;
  out.problems.push({ variable, read: undefined, message: 'is not set', fix });
}

/** The text of a file a variable names; undefined, with a problem, when it cannot be read. */
export function fileText(variable: string, path: string, readFile: ReadFile, out: Findings): string | undefined {
  try {
    return readFile(path);
  } catch (error) {
    out.problems.push({
      variable,
      read: path,
      message: `names a file that cannot be read (${codeOf(error)})`,
      fix: 'check the path, the mount and the permissions',
    });
    return undefined;
  }
}

/** `ENOENT` and its like; the message of a system error repeats the path only. */
function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'no reason given';
}
