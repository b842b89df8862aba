import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How many files and sockets a child of ours may have open. */
export async function openFileLimit(): Promise<number> {
  try {
    const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n']);
    return stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
  } catch {
    // A system without such a shell has no such limit that we know of.
    return Infinity;
  }
}
