import { Buffer } from 'node:buffer';

/** The last bytes of a stream, in memory of a fixed size. */
export interface TailRing {
  add(bytes: Uint8Array): void;
  /** The last bytes, oldest first. */
  content(): Buffer;
}

export function createTailRing(size: number): TailRing {
  // Most runs stay below the limit of their log and never need it.
  let store: Buffer | undefined;
  let at = 0;
  let length = 0;
  return {
    add: (bytes) => {
      store ??= Buffer.alloc(size);
      const last = bytes.subarray(Math.max(0, bytes.length - size));
      const first = Math.min(last.length, size - at);
      store.set(last.subarray(0, first), at);
      store.set(last.subarray(first), 0);
      at = (at + last.length) % size;
      length = Math.min(size, length + last.length);
    },
    content: () => {
      if (store === undefined) return Buffer.alloc(0);
      if (length < size) return Buffer.from(store.subarray(0, length));
      return Buffer.concat([store.subarray(at), store.subarray(0, at)]);
    },
  };
}
