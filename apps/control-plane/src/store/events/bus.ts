import type { Bus } from '@runner/protocol/server';
import type { Database } from '../database/database.ts';
import type { Signals } from '../ports.ts';
import { notify } from './channels.ts';
import type { Listener } from './listener.ts';

/** The bridge's bus over LISTEN/NOTIFY. */
export function createBus(database: Database, listener: Listener): Bus {
  return {
    publish: (event) => database.use((db) => notify(db, { channel: 'bus', event })),
    subscribe: (handle, gap) =>
      listener.on((notification) => {
        if (notification.channel === 'bus') handle(notification.event);
      }, gap),
  };
}

/** The same for what only concerns this application. */
export function createSignals(database: Database, listener: Listener): Signals {
  return {
    publish: (event) => database.use((db) => notify(db, { channel: 'signals', event })),
    subscribe: (handle, gap) =>
      listener.on((notification) => {
        if (notification.channel === 'signals') handle(notification.event);
      }, gap),
  };
}
