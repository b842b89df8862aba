import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { startPasswordServer } from './password-server.ts';

type Create = (env: Readonly<Record<string, string | undefined>>) => Promise<FastifyInstance>;

/** What the example promises: it serves with the stored password, and after a rotation, without a restart. */
export async function proveRotation(createService: Create): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'secrets-in-a-service-'));
  // No `await using`: the oldest Node that runs these sources as they are does not know it.
  const database = await startPasswordServer('first-not-real');
  try {
    await writeFile(join(folder, 'orders-db'), 'first-not-real', { mode: 0o600 });
    const app = await createService({
      SECRETS_MANAGER: 'file',
      SECRETS_FILE_DIR: folder,
      DATABASE_PASSWORD: 'secret:orders-db',
      PGHOST: '127.0.0.1',
      PGPORT: String(database.port),
      PGUSER: 'shop',
    });
    const orders = async (): Promise<number> => (await app.inject('/orders')).statusCode;
    try {
      assert.equal(await orders(), 200);
      await writeFile(join(folder, 'orders-db'), 'second-not-real', { mode: 0o600 });
      database.rotate('second-not-real');
      const statuses = [await orders(), await orders(), await orders()];
      assert.equal(statuses.at(-1), 200, `after the rotation: ${statuses.join(', ')}`);
      database.rotate('third-not-real');
      assert.equal(await orders(), 500);
    } finally {
      await app.close();
    }
  } finally {
    await database[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}
