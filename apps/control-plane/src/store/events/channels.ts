import type { BusEvent } from '@runner/protocol/server';
import { sql } from 'drizzle-orm';
import type { Db } from '../database/database.ts';
import type { SignalEvent } from '../ports.ts';

/** What travels over LISTEN/NOTIFY: news for the bridge, and news between the replicas. */
export type Notification =
  { readonly channel: 'bus'; readonly event: BusEvent } | { readonly channel: 'signals'; readonly event: SignalEvent };

/** PostgreSQL's name of a channel. */
export const CHANNELS = { bus: 'runner_bus', signals: 'runner_signals' } as const;

/** Tells everybody who listens; inside a transaction only once it is committed. */
export async function notify(db: Db, { channel, event }: Notification): Promise<void> {
  await db.execute(sql`select pg_notify(${CHANNELS[channel]}, ${JSON.stringify(event)})`);
}

/** What was said, or undefined when somebody else uses these channels. */
export function readNotification(name: string, payload: string | undefined): Notification | undefined {
  const event = parse(payload);
  if (event === undefined) return undefined;
  if (name === CHANNELS.bus) return { channel: 'bus', event: event as BusEvent };
  if (name === CHANNELS.signals) return { channel: 'signals', event: event as SignalEvent };
  return undefined;
}

function parse(payload: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(payload ?? '');
    return typeof value === 'object' && value !== null && 'kind' in value ? value : undefined;
  } catch {
    return undefined;
  }
}
