import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

const BUFFER_BYTES = 65_536;

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
 * @param onOutput gets what is written. The bytes are overwritten after it returns: one buffer serves for all of it, so
 * that no amount of output makes the supervisor grow
 */
export async function openOutputPair(path: string, onOutput: (bytes: Buffer) => void): Promise<OutputPair> {
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  try {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const buffer = Buffer.alloc(BUFFER_BYTES);
    const callback = (count: number): boolean => {
      onOutput(buffer.subarray(0, count));
      return true;
    };
    const reader = connect({ path, onread: { buffer, callback } });
    const [[writer]] = await Promise.all([accepted, once(reader, 'connect')]);
    return { writer, reader };
  } finally {
    server.close();
    await unlink(path).catch(() => undefined);
  }
}
