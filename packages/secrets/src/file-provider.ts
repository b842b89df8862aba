import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, realpath, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { abortError, isRunnerError } from '@runner/core';
import { secretError, shownId } from './errors.ts';
import type { FetchedSecret, SecretProvider, SecretWarning } from './provider.ts';
import { secretText } from './provider.ts';
import { malformedId } from './reference.ts';
import { pathSegments, validateSecretId } from './secret-id.ts';

export interface FileProviderOptions {
  /** The folder. One file for each secret; an id with slashes is a file in a sub-folder. */
  readonly folder: string;
  /** Larger files are refused, in bytes. Default 16 MiB. */
  readonly maxBytes?: number;
}

const NAME = 'file';
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
/** How often a file that changes while it is read is read again. */
const READINGS = 3;

/**
 * Secrets in a folder, as Kubernetes, Docker and systemd mount them. The value is the file as it is: a line break at its
 * end is part of it, and warned about.
 */
export function createFileProvider({ folder, maxBytes = DEFAULT_MAX_BYTES }: FileProviderOptions): SecretProvider {
  const root = resolve(folder);
  return {
    describe: () => ({ name: NAME, location: `the folder ${root}`, ...whoAmI() }),
    fetch: async (id, { signal }) => {
      if (signal.aborted) throw abortError(signal);
      const [problem] = validateSecretId(NAME, id);
      if (problem !== undefined) throw malformedId(id, problem, NAME);
      const path = join(root, ...pathSegments(id));
      try {
        return await read({ id, root, path, maxBytes, signal });
      } catch (error) {
        if (isRunnerError(error)) throw error;
        throw await fromSystem(error, id, root);
      }
    },
  };
}

interface Reading {
  readonly id: string;
  readonly root: string;
  readonly path: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

async function read(reading: Reading): Promise<FetchedSecret> {
  const { id, root, path } = reading;
  // Opening a pipe would wait for its writer: NONBLOCK, and what was opened is looked at before it is read.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isDirectory()) throw notASecret(id, root, 'is a folder', 'secret_not_found');
    if (!stats.isFile()) throw notASecret(id, root, 'is no ordinary file', 'secret_misconfigured');
    await refuseOutside(reading, stats);
    const bytes = await readSteadily(handle, stats, reading);
    const secret = secretText(bytes, { provider: NAME, id, location: root });
    return { ...secret, warnings: [...secret.warnings, ...modeWarnings(stats)] };
  } finally {
    await handle.close();
  }
}

/**
 * The file that was opened must lie in the folder, links followed. It is compared with what the resolved path leads to
 * now, so that swapping a link between opening and checking gains nothing.
 */
async function refuseOutside({ id, root, path }: Reading, opened: BigIntStats): Promise<void> {
  const [realRoot, realPath] = await Promise.all([realpath(root), realpath(path)]);
  const inside = relative(realRoot, realPath);
  const escapes = inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  if (!escapes) {
    const there = await stat(realPath, { bigint: true });
    if (there.ino === opened.ino && there.dev === opened.dev) return;
  }
  throw secretError('secret_forbidden', `the secret ${shownId(id)} is a link that leads out of the folder`, {
    provider: NAME,
    id,
    location: root,
    hint: 'put the file itself into the folder; links may only point to files inside it',
  });
}

/** The content of one moment: a file that is being written while it is read is read again. */
async function readSteadily(handle: FileHandle, first: BigIntStats, reading: Reading): Promise<Uint8Array> {
  let before = first;
  for (let count = 0; count < READINGS; count += 1) {
    const bytes = await readOnce(handle, reading);
    const after = await handle.stat({ bigint: true });
    if (after.mtimeNs === before.mtimeNs && after.size === before.size && BigInt(bytes.length) === after.size) {
      return bytes;
    }
    before = after;
  }
  throw secretError('secret_integrity', `the secret ${shownId(reading.id)} changed each time it was read`, {
    provider: NAME,
    id: reading.id,
    location: reading.root,
    hint: 'write a new version beside the file and rename it over the old one',
  });
}

async function readOnce(handle: FileHandle, { id, root, maxBytes, signal }: Reading): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    if (signal.aborted) throw abortError(signal);
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, total);
    if (bytesRead === 0) return Buffer.concat(pieces);
    total += bytesRead;
    if (total > maxBytes) {
      throw secretError('secret_misconfigured', `the secret ${shownId(id)} is larger than ${maxBytes} bytes`, {
        provider: NAME,
        id,
        location: root,
        hint: 'a credential is far smaller; check which file this is, or raise maxBytes',
      });
    }
    pieces.push(piece.subarray(0, bytesRead));
  }
}

function modeWarnings({ mode }: BigIntStats): readonly SecretWarning[] {
  // Windows has no such bits.
  if (process.platform === 'win32' || (mode & 0o077n) === 0n) return [];
  return [
    { code: 'file_mode_open', message: 'the file of the secret can be read by others; chmod 600 would end that' },
  ];
}

function notASecret(id: string, root: string, what: string, code: 'secret_not_found' | 'secret_misconfigured'): Error {
  return secretError(code, `${shownId(id)} ${what}, not the file of a secret`, {
    provider: NAME,
    id,
    location: root,
    hint: 'an id names a file; a file in a sub-folder is written with a slash, such as secret:database/password',
  });
}

function whoAmI(): { readonly identity?: string } {
  try {
    const { username, uid } = userInfo();
    return { identity: `user ${username} (uid ${uid})` };
  } catch {
    // An account without an entry in /etc/passwd, as containers have it.
    return process.getuid === undefined ? {} : { identity: `uid ${process.getuid()}` };
  }
}

/** What the operating system said, in this package's words. */
async function fromSystem(error: unknown, id: string, root: string): Promise<Error> {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const facts = { provider: NAME, id, location: root, cause: error, ...whoAmI() };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    if (!(await isFolder(root))) {
      return secretError('secret_misconfigured', `the folder of secrets ${root} does not exist`, {
        ...facts,
        hint: 'create the folder, or mount it',
      });
    }
    return secretError('secret_not_found', `there is no file for the secret ${shownId(id)} in ${root}`, {
      ...facts,
      hint: 'write the value into a file of that name; a trailing line break would become part of it',
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return secretError('secret_forbidden', `the file of the secret ${shownId(id)} may not be read`, {
      ...facts,
      permission: 'read on the file, search on its folders',
      hint: 'give the account that runs the workload the right to read it',
    });
  }
  if (code === 'ELOOP') {
    return secretError('secret_forbidden', `the secret ${shownId(id)} is a link that leads in a circle`, facts);
  }
  if (code === 'ENAMETOOLONG') {
    return secretError('secret_malformed_id', `the secret id ${shownId(id)} is too long for a file name`, facts);
  }
  return secretError('secret_unreachable', `the file of the secret ${shownId(id)} cannot be read just now (${code})`, {
    ...facts,
    hint: 'the operating system refused for a reason that may pass; see the cause',
  });
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
