import type { Clock, Component, Logger } from '@runner/core';
import { repeat } from '../gateway/tasks.ts';
import type { PostgresStore } from '../store/index.ts';

export interface HousekeepingOptions {
  readonly store: Pick<PostgresStore, 'expire'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logRetentionDays: number;
}

const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Expired tokens are kept this long, so that "expired" can still be told from "unknown". */
const TOKEN_RETENTION_DAYS = 30;

/** Deletes what is past its time, once an hour. Several replicas doing so at once is harmless. */
export function createHousekeeping(options: HousekeepingOptions): Component {
  const { store, clock, logger, logRetentionDays } = options;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const clean = async (): Promise<void> => {
    const now = clock.now();
    const removed = await store.expire({
      logsBefore: now - logRetentionDays * DAY_MS,
      tokensBefore: now - TOKEN_RETENTION_DAYS * DAY_MS,
    });
    if (removed.logs + removed.tokens > 0) logger.info('deleted what is past its time', removed);
  };
  return {
    name: 'housekeeping',
    start: () => {
      running = repeat(clean, EVERY_MS, 'what is past its time could not be deleted', {
        clock,
        logger,
        signal: stopping.signal,
      });
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
