import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import type { Certificate } from '@runner/core/testing';

export interface RunningServer<S> extends AsyncDisposable {
  readonly server: S;
  readonly port: number;
}

export function httpServer(): Promise<RunningServer<Server>> {
  return listening(createServer());
}

export function httpsServer({ cert, key }: Certificate): Promise<RunningServer<Server>> {
  return listening(createHttpsServer({ cert, key }));
}

/** A server on a free port of 127.0.0.1; every connection to it is cut when the test is over. */
export async function listening<S extends NetServer>(server: S): Promise<RunningServer<S>> {
  const connections = new Set<{ destroy(): unknown }>();
  server.on('connection', (connection) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    // Clients that break off are part of the tests.
    connection.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const { server, port } = await httpServer();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
