import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * When a process began, in the words of the system; undefined when there is no such process. Numbers of processes are
 * used again, so a number alone never names one.
 */
export async function beginningOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform !== 'linux') {
      const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
      return stdout.trim() === '' ? undefined : stdout.trim();
    }
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks and parentheses; state is the first field behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `tick ${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}
