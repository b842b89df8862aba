import type { Clock, Logger, Random } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { Database } from './database/database.ts';
import { createDatabase } from './database/database.ts';
import { migrate } from './database/migrate.ts';
import { createBus, createSignals } from './events/bus.ts';
import { createListener } from './events/listener.ts';
import { createLogs } from './logs/log-store.ts';
import type { Store } from './ports.ts';
import { createAgentBook } from './repositories/agent-book.ts';
import { createEntities } from './repositories/entities.ts';
import { databaseTime, processTime } from './repositories/lease-time.ts';
import { createProgress } from './repositories/progress.ts';
import { createRunBook } from './repositories/run-book.ts';
import { createRunners } from './repositories/runners.ts';
import { createRuns } from './repositories/runs.ts';
import { createSettings } from './repositories/settings.ts';
import { createSlots } from './repositories/slots.ts';
import { createStatuses } from './repositories/statuses.ts';
import { createTokens } from './repositories/tokens.ts';

export interface StoreOptions {
  /** A postgres:// URL. LISTEN and advisory locks need a direct connection, not a transaction pooler. */
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** Default 10. One more connection listens. */
  readonly poolSize?: number;
  /** Longest statement, milliseconds. Default 15,000. */
  readonly statementTimeoutMs?: number;
  /** Largest log of one run, bytes of text. Default 32 MiB. */
  readonly logMaxBytes?: number;
  /** Clock of the leases, epoch milliseconds. Default: the database's, which all replicas share. */
  readonly leaseNow?: () => number;
  /** How often the listening connection is asked whether it lives, milliseconds. Default 15,000. */
  readonly probeMs?: number;
}

export interface PostgresStore extends Store {
  /** Deletes what is past its time: logs written last before `logsBefore`, tokens that expired before `tokensBefore`. */
  expire(limits: { logsBefore: number; tokensBefore: number }): Promise<{ logs: number; tokens: number }>;
}

/** A migration may rewrite a table, or wait for another replica that does. */
const MIGRATION_TIMEOUT_MS = 600_000;

/** Brings the schema up to date, then opens the store. Rejects with `store_unavailable` or `store_newer`. */
export async function createStore(options: StoreOptions): Promise<PostgresStore> {
  const { clock, random, logger = silentLogger } = options;
  await migrateFirst(options, logger);
  const database = createDatabase({ ...options, logger });
  const listener = createListener({ ...options, logger });
  try {
    await listener.start();
  } catch (error) {
    await database.close();
    throw error;
  }
  const time = options.leaseNow === undefined ? databaseTime : processTime(options.leaseNow);
  const tokens = createTokens(database);
  const logs = createLogs({
    database,
    clock,
    ...(options.logMaxBytes === undefined ? {} : { maxBytes: options.logMaxBytes }),
  });
  return {
    settings: createSettings(database),
    entities: createEntities(database, clock),
    runs: createRuns(database),
    statuses: createStatuses(database, clock),
    progress: createProgress(database, clock),
    logs,
    tokens,
    runners: createRunners(database, clock, random, time),
    slots: createSlots(database),
    runBook: createRunBook(database, clock),
    agentBook: createAgentBook(database, time),
    bus: createBus(database, listener),
    signals: createSignals(database, listener),
    ping: (signal) => database.ping(signal),
    expire: async ({ logsBefore, tokensBefore }) => ({
      logs: await logs.expire(logsBefore),
      tokens: await tokens.expire(tokensBefore),
    }),
    close: async () => {
      await listener.stop();
      await database.close();
    },
  };
}

async function migrateFirst(options: StoreOptions, logger: Logger): Promise<void> {
  const database: Database = createDatabase({
    url: options.url,
    clock: options.clock,
    logger,
    poolSize: 1,
    statementTimeoutMs: MIGRATION_TIMEOUT_MS,
  });
  try {
    const applied = await migrate(database);
    if (applied.length > 0) logger.info('the database schema was brought up to date', { migrations: applied });
  } finally {
    await database.close();
  }
}
