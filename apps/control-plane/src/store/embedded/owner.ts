import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import pg from 'pg';
import { storeError } from '../database/errors.ts';

/** One connection that says: this data folder is in use by a live control plane. Dies with its process, whatever kills that. */
export interface Ownership {
  release(): Promise<void>;
}

const OWNER_LOCK = 7_283_190_002;
/** A killed owner's session ends when the server notices; that takes milliseconds. */
const PATIENCE_MS = 1_500;
const STEP_MS = 50;

/** Undefined: somebody else owns it. Rejects with `store_unavailable` when the server does not answer. */
export async function takeOwnership(url: string, clock: Clock): Promise<Ownership | undefined> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    application_name: 'runner-control-plane-owner',
  });
  // It breaks when the server dies; whoever starts the server again takes the ownership again.
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (let waited = 0; ; waited += STEP_MS) {
      const { rows } = await client.query<{ mine: boolean }>(`select pg_try_advisory_lock(${OWNER_LOCK}) as mine`);
      if (rows[0]?.mine === true) return { release: () => client.end().catch(() => undefined) };
      if (waited >= PATIENCE_MS) break;
      await clock.sleep(STEP_MS);
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw storeError(error);
  }
  await client.end();
  return undefined;
}

export function inUse(folder: string): RunnerError {
  return new RunnerError('data_folder_in_use', 'another control plane works in this data folder', {
    details: { folder },
    hint: 'Stop it, choose another DATA_DIR, or let both work on one PostgreSQL through DATABASE_URL.',
  });
}
