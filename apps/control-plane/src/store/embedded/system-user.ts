import type { Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** As whom PostgreSQL runs, because it refuses to run as root. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

const NAME = 'postgres';

/** Undefined: we are not root, so PostgreSQL runs as we do. Makes the system user `postgres` when there is none. */
export async function userForPostgres(logger: Logger): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const standing = await lookUp();
  if (standing !== undefined) return standing;
  try {
    await run('groupadd', ['--system', NAME]);
    await run('useradd', ['--system', '--no-create-home', '--gid', NAME, NAME]);
  } catch (error) {
    throw noUser(error);
  }
  logger.info('made the system user that the embedded PostgreSQL runs as', { user: NAME });
  const made = await lookUp();
  if (made === undefined) throw noUser(undefined);
  return made;
}

async function lookUp(): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', NAME]), run('id', ['-g', NAME])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

function noUser(cause: unknown): RunnerError {
  return new RunnerError('embedded_postgres_failed', 'PostgreSQL does not run as root and there is no user for it', {
    cause,
    hint: `Start the control plane as a plain user, make the system user "${NAME}", or set DATABASE_URL.`,
  });
}

/** The first folder on the way to `path` that this user may not enter; undefined when it can get there. */
export async function obstacleFor(user: SystemUser, path: string): Promise<string | undefined> {
  const folders: string[] = [];
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) folders.unshift(folder);
  for (const folder of folders) {
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return undefined;
}
