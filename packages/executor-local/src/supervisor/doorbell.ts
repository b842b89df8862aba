import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';

/**
 * The supervisor's socket. That it can be connected to says that the supervisor lives. A connection makes it look
 * whether it was asked to end; whoever stays connected gets a byte at each change. Facts are in the files only.
 */
export interface Doorbell {
  /** Tells everybody who listens that something changed. */
  ring(): void;
  close(): Promise<void>;
}

export async function openDoorbell(path: string, onVisit: () => void): Promise<Doorbell> {
  const visitors = new Set<Socket>();
  const server: Server = createServer((visitor) => {
    visitors.add(visitor);
    visitor.on('error', () => visitor.destroy());
    visitor.on('close', () => visitors.delete(visitor));
    visitor.resume();
    onVisit();
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    ring: () => {
      for (const visitor of visitors) visitor.write('\n');
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const visitor of visitors) visitor.destroy();
      await closed;
    },
  };
}
