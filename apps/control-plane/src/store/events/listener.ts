import type { Clock, Logger, Random } from '@runner/core';
import { backoffDelay, isAbort } from '@runner/core';
import pg from 'pg';
import { storeError } from '../database/errors.ts';
import type { Notification } from './channels.ts';
import { CHANNELS, readNotification } from './channels.ts';

export interface Listener {
  /** Resolves once it listens; rejects with `store_unavailable`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Returns the function that ends it. `gap`: notifications may have been missed. */
  on(listener: (notification: Notification) => void, gap: () => void): () => void;
}

export interface ListenerOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often the connection is asked whether it lives, milliseconds. Default 15,000. */
  readonly probeMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 5_000;
const BACKOFF = { floorMs: 200, capMs: 10_000 };

/**
 * One connection of its own that listens. PostgreSQL queues nothing for a connection that is gone: after every
 * reconnection `gap` is called, once the new one listens.
 */
export function createListener(options: ListenerOptions): Listener {
  const { clock, random, logger } = options;
  const subscribers = new Set<{ listener: (notification: Notification) => void; gap: () => void }>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  const deliver = (message: pg.Notification): void => {
    const notification = readNotification(message.channel, message.payload);
    if (notification === undefined) return;
    for (const { listener } of subscribers) listener(notification);
  };

  /** Listens again and again until it is stopped. */
  const over = (): boolean => stopping.signal.aborted;
  const keepListening = async (first: Listening): Promise<void> => {
    let current: Listening | undefined = first;
    for (let attempt = 0; !over(); attempt += 1) {
      try {
        if (current === undefined) {
          current = await listen(options, deliver, stopping.signal);
          attempt = 0;
          for (const { gap } of subscribers) gap();
          logger.info('listening to the database again');
        }
        await current.ended;
        if (!over()) logger.warn('the listening database connection broke');
      } catch (error) {
        if (isAbort(error)) return;
        logger.warn('cannot listen to the database', { error, attempt });
      }
      current = undefined;
      await clock.sleep(backoffDelay(attempt, BACKOFF, random), stopping.signal).catch(() => undefined);
    }
  };

  return {
    start: async () => {
      running = keepListening(await listen(options, deliver, stopping.signal));
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    on: (listener, gap) => {
      const subscriber = { listener, gap };
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
  };
}

interface Listening {
  /** Resolves when the connection is gone, for whatever reason. */
  readonly ended: Promise<void>;
}

async function listen(
  options: ListenerOptions,
  deliver: (message: pg.Notification) => void,
  signal: AbortSignal,
): Promise<Listening> {
  const client = new pg.Client({
    connectionString: options.url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'runner-control-plane-listener',
  });
  const gone = new AbortController();
  client.on('error', () => gone.abort());
  client.on('end', () => gone.abort());
  client.on('notification', deliver);
  const cut = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', cut, { once: true, signal: gone.signal });
  try {
    await client.connect();
    for (const channel of Object.values(CHANNELS)) await client.query(`listen ${channel}`);
  } catch (error) {
    gone.abort();
    await client.end().catch(() => undefined);
    throw storeError(error);
  }
  return { ended: probeUntilGone(client, options, AbortSignal.any([gone.signal, signal])) };
}

/** A connection that says nothing may be half open: it is asked now and then, and given up when it does not answer. */
async function probeUntilGone(client: pg.Client, options: ListenerOptions, gone: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await options.clock.sleep(options.probeMs ?? 15_000, gone);
      await client.query('select 1');
    }
  } catch {
    // Gone, stopped or silent: whoever waits for `ended` decides what comes next.
  }
  await client.end().catch(() => undefined);
}
