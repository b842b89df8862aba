import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Logger } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { SettingsStore, TokenRow, TokenStore } from '../store/ports.ts';

export interface FirstAdminDeps {
  readonly settings: SettingsStore;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly sign: (row: TokenRow) => Promise<string>;
}

/**
 * Makes an admin token when there is no usable one (the first start, or after the last one was revoked) and leaves it
 * in a file that only this user can read. Replicas that start together agree on one token id through the settings, so
 * that whichever file is read, its token is the one in the store.
 * @returns where it was written, or undefined when an admin token exists already
 */
export async function firstAdminToken(deps: FirstAdminDeps, path: string): Promise<{ path: string } | undefined> {
  const { settings, tokens, clock, logger } = deps;
  const admins = await tokens.list({ role: 'admin' });
  const now = clock.now();
  if (admins.some((row) => row.revokedAt === undefined && (row.expiresAt ?? Infinity) > now)) return undefined;
  const agreed = await settings.getOrCreate(`firstAdminToken.${admins.length}`, () =>
    Promise.resolve({ tokenId: deps.newId(), createdAt: now }),
  );
  const row: TokenRow = {
    id: String(agreed['tokenId']),
    role: 'admin',
    subject: 'admin',
    createdAt: Number(agreed['createdAt']),
  };
  // The file first: a token in the store that nobody has ever seen could not be replaced by a second start.
  await writePrivately(path, `${await deps.sign(row)}\n`);
  try {
    await tokens.add(row);
  } catch (error) {
    if (!isRunnerError(error, 'already_exists')) throw error;
  }
  logger.info('the first admin token is in a file', { path });
  return { path };
}

async function writePrivately(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
