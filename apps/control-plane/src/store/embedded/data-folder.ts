import { RunnerError } from '@runner/core';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { PostgresBinaries } from './binaries.ts';
import type { Launch } from './command.ts';
import { isGone, readOrMakeSecret } from './files.ts';
import { outputOf } from './output.ts';
import type { SystemUser } from './system-user.ts';

/** Where the embedded server keeps what, below the data folder of the control plane. */
export interface DataFolder {
  readonly root: string;
  /** PostgreSQL's own data. */
  readonly data: string;
  /** Its unix socket. */
  readonly sockets: string;
  readonly password: string;
}

export const SUPERUSER = 'runner';
/** A unix socket's path, `/.s.PGSQL.65535` included, may not be longer. */
const LONGEST_SOCKET_FOLDER = 107 - '/.s.PGSQL.65535'.length;

/** Makes the folders and the password that do not exist yet. */
export async function prepareFolder(folder: string, user: SystemUser | undefined): Promise<DataFolder> {
  const root = resolve(folder);
  // As root another user has to pass through; what must not be read there has a mode of its own.
  await mkdir(root, { recursive: true, mode: user === undefined ? 0o700 : 0o755 });
  const sockets = join(root, 'postgres-socket');
  await mkdir(sockets, { recursive: true, mode: 0o700 });
  await give(sockets, user);
  const password = await readOrMakeSecret(join(root, 'postgres-password'), () => randomBytes(24).toString('hex'));
  return { root, data: join(root, 'postgres'), sockets, password };
}

/** The folder for the server's unix socket; empty (none) when its path would be too long for the system. */
export function socketFolder(folder: DataFolder): string {
  return Buffer.byteLength(folder.sockets) <= LONGEST_SOCKET_FOLDER ? folder.sockets : '';
}

/** Whether initdb has been here; rejects when another major version of PostgreSQL has. */
export async function isInitialised(folder: DataFolder, major: string): Promise<boolean> {
  const found = await versionIn(folder);
  if (found !== undefined && found !== major) {
    throw new RunnerError('embedded_postgres_failed', 'the data folder belongs to another version of PostgreSQL', {
      details: { folder: folder.data, found, needed: major },
      hint: 'Start the release that made it and move the data with pg_dump, or choose another DATA_DIR.',
    });
  }
  return found !== undefined;
}

async function versionIn(folder: DataFolder): Promise<string | undefined> {
  try {
    return (await readFile(join(folder.data, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Makes a new database cluster aside and moves it into place, so that a half-made one is never found there. */
export async function initialise(
  folder: DataFolder,
  binaries: PostgresBinaries,
  launch: Launch,
  user: SystemUser | undefined,
): Promise<void> {
  const aside = join(folder.root, `postgres.new-${randomBytes(6).toString('hex')}`);
  const passwordFile = `${aside}.password`;
  try {
    await mkdir(aside, { mode: 0o700 });
    await give(aside, user);
    await writeFile(passwordFile, `${folder.password}\n`, { mode: 0o600, flag: 'wx' });
    await give(passwordFile, user);
    const { code, text } = await outputOf(launch(binaries.initdb, initdbArguments(aside, passwordFile), folder.root));
    if (code !== 0) throw failedToInitialise(text);
    await rename(aside, folder.data);
  } catch (error) {
    // Somebody else was faster, and may have cleared away ours: theirs is as good.
    if ((await versionIn(folder)) === undefined) throw error;
  } finally {
    await rm(passwordFile, { force: true });
    await rm(aside, { recursive: true, force: true });
  }
}

function initdbArguments(data: string, passwordFile: string): readonly string[] {
  return [
    `--pgdata=${data}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
  ];
}

/** What a process that died during `initialise` has left. Only for the owner of the folder. */
export async function removeLeftovers(folder: DataFolder): Promise<void> {
  for (const name of await readdir(folder.root)) {
    if (name.startsWith('postgres.new-')) await rm(join(folder.root, name), { recursive: true, force: true });
  }
}

async function give(path: string, user: SystemUser | undefined): Promise<void> {
  if (user !== undefined) await chown(path, user.uid, user.gid);
}

function failedToInitialise(output: string): RunnerError {
  return new RunnerError('embedded_postgres_failed', 'PostgreSQL could not make its data folder', {
    details: { output },
    hint: 'Check that DATA_DIR can be written and that its disk is not full, or set DATABASE_URL.',
  });
}
