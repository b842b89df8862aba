import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** As much of PostgreSQL as it takes to ask for a password, refuse a wrong one and answer any query with one number. */
export interface PasswordServer extends AsyncDisposable {
  readonly port: number;
  /** The password from now on; connections that stand are ended, as an administrator would. */
  rotate(password: string): void;
}

const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => int32(value).subarray(2);
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

const READY = message('Z', Buffer.from('I'));
const REFUSED = message(
  'E',
  text('SFATAL'),
  text('C28P01'),
  text('Mpassword authentication failed for user "shop"'),
  Buffer.alloc(1),
);
const ROWS = Buffer.concat([
  message('T', int16(1), text('orders'), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)),
  message('D', int16(1), int32(2), Buffer.from('42')),
  message('C', text('SELECT 1')),
  READY,
]);

export async function startPasswordServer(first: string): Promise<PasswordServer> {
  let password = first;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    let begun = false;
    let held = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      for (;;) {
        const start = begun ? 1 : 0;
        if (held.length < start + 4) return;
        const end = start + held.readInt32BE(start);
        if (held.length < end) return;
        const type = begun ? String.fromCharCode(held[0] ?? 0) : 'start';
        const body = held.subarray(start + 4, end);
        held = held.subarray(end);
        begun = true;
        if (type === 'start') socket.write(message('R', int32(3)));
        if (type === 'Q') socket.write(ROWS);
        if (type === 'X') socket.end();
        if (type !== 'p') continue;
        if (body.toString('utf8', 0, body.length - 1) === password)
          socket.write(Buffer.concat([message('R', int32(0)), READY]));
        else socket.end(REFUSED);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    rotate: (next) => {
      password = next;
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
