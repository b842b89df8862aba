import type { Clock, Logger } from '@runner/core';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { isConflict, isConnectionLost, storeError } from './errors.ts';

/** One connection with Drizzle on it. */
export type Db = NodePgDatabase;

export interface Database {
  /** Runs statements that need no common transaction on one connection. */
  use<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /**
   * Runs `work` in one transaction (read committed). Done again when two transactions met (deadlock, serialization), so
   * `work` must not change anything outside the database.
   */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Rejects with `store_unavailable` when there is no answer within 3 s, and when the signal is aborted. */
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A postgres:// URL. */
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Connections of the pool. Default 10. */
  readonly poolSize?: number;
  /** Longest time of one statement and of waiting for a lock, milliseconds. Default 15,000. */
  readonly statementTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 3_000;
const CONFLICT_ATTEMPTS = 5;

/** A pool that never hurts the process: a connection that breaks while idle is only logged. */
export function createDatabase(options: DatabaseOptions): Database {
  const { clock, logger } = options;
  const pool = openPool(options);
  let closing = false;
  // One that is in use and breaks between two queries has no other listener, and an `error` event without one ends the
  // process. The next query on it fails, which is where it is dealt with.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => {
    if (!closing) logger.warn('an idle database connection broke', { error: storeError(error) });
  });

  const onClient = async <T>(work: (client: pg.PoolClient, spoil: () => void) => Promise<T>): Promise<T> => {
    let client: pg.PoolClient | undefined;
    let spoiled = false;
    try {
      client = await pool.connect();
      return await work(client, () => {
        spoiled = true;
      });
    } catch (error) {
      spoiled ||= isConnectionLost(error);
      throw storeError(error);
    } finally {
      client?.release(spoiled);
    }
  };

  return {
    use: (work) => onClient((client) => work(drizzle({ client }))),
    transaction: async (work) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await onClient((client, spoil) => inTransaction(client, work, spoil));
        } catch (error) {
          if (attempt >= CONFLICT_ATTEMPTS || !isConflict(error)) throw error;
        }
      }
    },
    ping: async (signal) => {
      const answer = onClient((client) => client.query('select 1'));
      await within(answer, clock, PING_TIMEOUT_MS, signal);
    },
    close: () => {
      closing = true;
      return pool.end();
    },
  };
}

function openPool(options: DatabaseOptions): pg.Pool {
  const { statementTimeoutMs = 15_000 } = options;
  return new pg.Pool({
    connectionString: options.url,
    max: options.poolSize ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    lock_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    // The server's own limit comes first; this one is for a peer that says nothing at all.
    query_timeout: statementTimeoutMs + 2_000,
    application_name: 'runner-control-plane',
  });
}

async function inTransaction<T>(client: pg.PoolClient, work: (tx: Db) => Promise<T>, spoil: () => void): Promise<T> {
  await client.query('begin');
  try {
    const result = await work(drizzle({ client }));
    await client.query('commit');
    return result;
  } catch (error) {
    // A lost connection rolls back by itself, and one that cannot roll back is not used again.
    if (!isConnectionLost(error)) await client.query('rollback').catch(spoil);
    throw error;
  }
}

/** The answer, or `store_unavailable` after `ms`. */
async function within(answer: Promise<unknown>, clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const late = clock.sleep(ms, either).then(() => {
    throw storeError(new Error('timeout exceeded: no answer to a ping'));
  });
  answer.catch(() => undefined);
  late.catch(() => undefined);
  try {
    await Promise.race([answer, late]);
  } finally {
    stop.abort();
  }
}
