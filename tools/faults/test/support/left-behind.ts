import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Command lines of the processes that name this folder: supervisors, programs, PostgreSQL. */
export async function processesNaming(folder: string): Promise<readonly string[]> {
  return (await commandLines()).filter((line) => line.includes(folder));
}

async function commandLines(): Promise<readonly string[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-axo', 'pid=,args='], { maxBuffer: 16_777_216 });
    return stdout.split('\n');
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    // A process may end while it is looked at.
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return `${pid} ${line.replaceAll('\0', ' ')}`;
    }),
  );
}
