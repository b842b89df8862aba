import { readFile, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isGone } from './files.ts';

/** What a running PostgreSQL writes into its data folder. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
}

/** Undefined: no server runs there, or its file was cut off by a crash. */
export async function readPostmasterFile(dataFolder: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(postmasterPath(dataFolder), 'utf8').catch((error: unknown) => {
    if (isGone(error)) return '';
    throw error;
  });
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  return Number.isSafeInteger(pid) && pid > 0 && Number.isSafeInteger(port) ? { pid, port } : undefined;
}

export const postmasterPath = (dataFolder: string): string => join(dataFolder, 'postmaster.pid');

/**
 * Whether the process is a PostgreSQL server that works in this data folder: a pid in a file that outlived its process may
 * belong to anybody. Where the system does not tell, any live process is taken for one.
 */
export async function isServerOf(dataFolder: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(dataFolder));
  } catch (error) {
    // No /proc (macOS), or a process that we may not look at: then not one that our user started.
    return process.platform !== 'linux' || (!isGone(error) && process.getuid?.() === 0);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
