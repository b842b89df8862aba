import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Two ends of one stream. */
export interface JoinedOutput {
  /** For the program, as both of its outputs. Destroy it once the program has it. */
  readonly writer: Socket;
  readonly reader: Socket;
}

/**
 * One stream for both outputs of a program, so that their lines keep their order; two pipes would mix them. Node can make
 * no pipe, but it can connect to itself, in a folder that only this user may enter. Undefined where that cannot be done.
 */
export async function joinedOutput(): Promise<JoinedOutput | undefined> {
  let folder: string | undefined;
  const server = createServer();
  try {
    folder = await mkdtemp(join(tmpdir(), 'runner-'));
    const path = join(folder, 'o');
    server.listen(path);
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const reader = connect(path);
    const [[writer]] = await Promise.all([accepted, once(reader, 'connect')]);
    return { writer, reader };
  } catch {
    return undefined;
  } finally {
    server.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}
