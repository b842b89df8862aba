import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunnerError } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { ExecutorScope } from '@runner/executor';
import { executorError, isRunId } from '@runner/executor';
import { errorCode, writeOnce } from './write-once.ts';

/**
 * The folder an executor works in:
 *
 *     scope.json      its id; two agents with this folder see the same runs
 *     runs/<runId>/   one folder for each run
 *     trash/          folders on their way out
 */
export interface Place {
  readonly root: string;
  /** Creates what is missing and says which folder this is. */
  scope(): Promise<ExecutorScope>;
  /**
   * Makes sure that the folder is still the one it was: an unmounted disk leaves an empty folder behind, in which every
   * run would look as if it had never been.
   * @throws executor_unavailable
   */
  assertSame(): Promise<void>;
  folderOf(runId: string): string;
  createFolder(runId: string): Promise<string>;
  /** RunIds of all folders, accepted or not. */
  runIds(): Promise<readonly string[]>;
  /** Takes a folder away in one step, then removes what is in it. Nothing happens when it is not there. */
  remove(runId: string): Promise<void>;
  /** Removes what earlier removals left. */
  emptyTrash(): Promise<void>;
}

const SCOPE_FILE = 'scope.json';

export function localPlace(root: string): Place {
  const runs = join(root, 'runs');
  const trash = join(root, 'trash');
  let known: string | undefined;

  const create = async (): Promise<string> => {
    // Only this user may look: files in it hold tokens for a moment, and logs for longer.
    await mkdir(runs, { recursive: true, mode: 0o700 });
    await writeOnce(root, SCOPE_FILE, { id: randomUUID() });
    return await readScope(root);
  };
  const folderId = async (): Promise<string> => (known ??= await create().catch(unavailable(root)));
  const folderOf = (runId: string): string => join(runs, runId.toLowerCase());
  const assertSame = async (): Promise<void> => {
    const before = await folderId();
    if ((await readScope(root).catch(unavailable(root))) !== before) {
      throw executorError('executor_unavailable', `The folder ${root} is another one than before.`);
    }
  };

  return {
    root,
    scope: async () => ({
      id: createHash('sha256')
        .update(`local ${await folderId()}`)
        .digest('hex'),
      description: `folder ${root} of ${hostname()}`,
    }),
    assertSame,
    folderOf,
    createFolder: async (runId) => {
      await assertSame();
      const folder = folderOf(runId);
      // Not recursive: a place that vanished is not made anew under our hands.
      await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
      });
      return folder;
    },
    runIds: async () => {
      await folderId();
      return (await readdir(runs).catch(unavailable(root))).filter(isRunId);
    },
    remove: async (runId) => {
      await mkdir(trash, { recursive: true, mode: 0o700 });
      const away = join(trash, `${runId.toLowerCase()}.${randomUUID()}`);
      try {
        await rename(folderOf(runId), away);
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return;
        throw error;
      }
      await rm(away, { recursive: true, force: true });
    },
    // The folder itself stays: somebody may be moving something into it.
    emptyTrash: async () => {
      const left = await readdir(trash).catch(() => []);
      for (const name of left) await rm(join(trash, name), { recursive: true, force: true });
    },
  };
}

async function readScope(root: string): Promise<string> {
  const value: unknown = JSON.parse(await readFile(join(root, SCOPE_FILE), 'utf8'));
  if (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string') return value.id;
  throw executorError('executor_unavailable', `The file ${join(root, SCOPE_FILE)} is not understood.`);
}

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** Turns what the system says about the folder into an error of an executor. */
function unavailable(root: string): (error: unknown) => never {
  return (error) => {
    throw folderError(root, error);
  };
}

/** An error of the file system as an error of an executor: a full disk is waited for, all else is an outage. */
export function folderError(root: string, error: unknown): RunnerError {
  if (isRunnerError(error)) return error;
  const code = errorCode(error);
  if (FULL.has(code)) {
    return executorError('executor_waiting', `The disk of ${root} is full.`, {
      cause: error,
      hint: 'Free space, or give the local executor a folder on a larger disk.',
    });
  }
  return executorError('executor_unavailable', `The folder ${root} cannot be used (${code || 'damaged'}).`, {
    cause: error,
    hint: 'Check that it exists and that this user may write to it.',
  });
}
