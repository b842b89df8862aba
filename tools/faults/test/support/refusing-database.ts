import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';

/** Speaks the beginning of PostgreSQL's protocol, asks for the password in plain and quotes it when it refuses. */
export async function refusingDatabase(): Promise<AsyncDisposable & { readonly hostPort: string }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    socket.once('data', () => {
      // AuthenticationCleartextPassword
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      socket.once('data', (message: Buffer) => {
        const password = message.subarray(5, -1).toString();
        const fields = `SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed: "${password}" is not the password\0D${encodeURIComponent(password)}\0\0`;
        const body = Buffer.from(fields);
        const head = Buffer.alloc(5);
        head.write('E');
        head.writeUInt32BE(body.length + 4, 1);
        socket.end(Buffer.concat([head, body]));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    hostPort: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
