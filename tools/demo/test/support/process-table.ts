import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Every process, but this one, that has to do with a folder: by its command, its environment or where it is. */
export async function processesOf(folder: string): Promise<readonly string[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-axwwo', 'pid=,command=']);
    return stdout.split('\n').filter((line) => line.includes(folder));
  }
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const [command, environment, cwd] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''),
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ]);
    const about = [command, environment, cwd].some((text) => text.includes(folder));
    if (about) found.push(`${pid} ${command.replaceAll('\0', ' ')}`);
  }
  return found;
}
