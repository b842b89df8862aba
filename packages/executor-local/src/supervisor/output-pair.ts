import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** Two ends of one stream. */
export interface OutputPair {
  /** For the program, as both standard output and standard error. Destroy it once the program has it. */
  readonly writer: Socket;
  readonly reader: Socket;
}

/**
 * One stream for both outputs of the program, so that their lines keep the order in which they were written; two pipes
 * would mix them. Node can make no pipe, but it can connect to itself.
 *
 * @param path a short path that does not exist; it is gone again afterwards
 */
export async function openOutputPair(path: string): Promise<OutputPair> {
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  try {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const writer = connect(path);
    const [[reader]] = await Promise.all([accepted, once(writer, 'connect')]);
    return { writer, reader };
  } finally {
    server.close();
    await unlink(path).catch(() => undefined);
  }
}
