import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** A door to the API server, or to an Argo Server, that can be shut, as an outage looks from here. */
export interface ApiGate extends AsyncDisposable {
  /** URL of the door. */
  readonly server: string;
  shut(): void;
  open(): void;
}

/** Stands before a server of this machine whose address says its port; its certificate is as good for the other port. */
export async function apiGate(server: string): Promise<ApiGate> {
  const { hostname, port, protocol } = new URL(server);
  const sockets = new Set<Socket>();
  let isShut = false;
  const door = createServer((near) => {
    if (isShut) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined);
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  const address = door.address();
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    server: `${protocol}//127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    shut: () => {
      isShut = true;
      destroyAll();
    },
    open: () => {
      isShut = false;
    },
    [Symbol.asyncDispose]: async () => {
      destroyAll();
      door.close();
      await once(door, 'close');
    },
  };
}
