import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { errorCode } from './write-once.ts';

/** Longest path of a unix socket in bytes, the closing zero left out; Linux has one more than this, macOS just this. */
const MAX_SOCKET_PATH = 103;
/** A local connection is made at once or not at all. */
const CONNECT_MS = 5_000;

/**
 * Rings at a supervisor's socket: `up` when somebody answers, `down` when certainly nobody does, `unclear` otherwise.
 * Whoever answers looks into its folder.
 */
export async function ring(folder: string, socket: string): Promise<'up' | 'down' | 'unclear'> {
  const visit = open(folder, socket);
  if (visit === undefined) return 'unclear';
  return await new Promise((resolve) => {
    visit.socket.setTimeout(CONNECT_MS);
    const settle = (answer: 'up' | 'down' | 'unclear'): void => {
      visit.close();
      resolve(answer);
    };
    visit.socket.once('connect', () => settle('up'));
    visit.socket.once('timeout', () => settle('unclear'));
    visit.socket.once('error', (error) => settle(meaningOf(errorCode(error))));
  });
}

/**
 * Stays at the socket and calls back at each change, and once when the supervisor is gone. Callbacks are hints: what has
 * changed stands in the folder.
 *
 * @returns the function that leaves
 */
export function listen(folder: string, socket: string, onChange: () => void, onGone: () => void): () => void {
  const visit = open(folder, socket);
  if (visit === undefined) return () => undefined;
  visit.socket.on('data', onChange);
  // A close follows every error.
  visit.socket.on('error', () => undefined);
  visit.socket.once('close', () => {
    visit.close();
    onGone();
  });
  return () => {
    visit.socket.removeAllListeners('close');
    visit.close();
  };
}

function meaningOf(code: string): 'up' | 'down' | 'unclear' {
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'down';
  // Its queue of visitors is full: it is there, but stopped or very busy.
  return code === 'EAGAIN' ? 'up' : 'unclear';
}

function open(folder: string, name: string): { readonly socket: Socket; close(): void } | undefined {
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) {
    const socket = connect(path);
    return { socket, close: () => void socket.destroy() };
  }
  // Only Linux offers a short name for a long folder.
  if (process.platform !== 'linux') return undefined;
  let handle: number | undefined;
  try {
    handle = openSync(folder, 'r');
  } catch {
    return undefined;
  }
  const socket = connect(`/proc/self/fd/${handle}/${name}`);
  return {
    socket,
    close: () => {
      socket.destroy();
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
    },
  };
}
