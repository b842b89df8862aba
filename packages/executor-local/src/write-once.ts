import { randomBytes } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Creates a file with its content in one step, readable by its owner only, unless it exists already.
 *
 * Exclusive creation (O_EXCL) alone would show an empty file for a moment, and for ever if the writer died in it. So the
 * content goes to a file of another name, created with O_EXCL and synced, and link(2), which refuses just as O_EXCL
 * does when the name is taken, gives it its name.
 *
 * @param lifetime a file of this `boot` only need not survive the loss of power, so nobody waits for the disk
 * @returns false when somebody else's file stands already
 */
export async function writeOnce(
  folder: string,
  name: string,
  record: object,
  lifetime: 'ever' | 'boot' = 'ever',
): Promise<boolean> {
  const draft = join(folder, `.${name}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(record));
      if (lifetime === 'ever') await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, join(folder, name));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

/** The code of a system error, such as ENOENT; empty when it has none. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}
