import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

export const isGone = (error: unknown): boolean => codeOf(error) === 'ENOENT';
const isThere = (error: unknown): boolean => codeOf(error) === 'EEXIST';

/** The content of a file that only its owner may read; made with `make()` when it does not exist. Whoever comes first wins. */
export async function readOrMakeSecret(path: string, make: () => string): Promise<string> {
  const standing = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
  if (standing !== undefined) return standing.trim();
  // Written aside and linked, so that nobody ever reads half of it.
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(aside, `${make()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(aside, path);
  } catch (error) {
    if (!isThere(error)) throw error;
  } finally {
    await rm(aside, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}
