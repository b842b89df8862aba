/** Bytes in at one end, out at the other; cheap for many small pieces. */
export interface ByteQueue {
  readonly length: number;
  append(bytes: Uint8Array): void;
  /** The first `count` bytes (or all there are), valid until the next append. */
  peek(count: number): Uint8Array;
  drop(count: number): void;
}

export function createByteQueue(): ByteQueue {
  let store = new Uint8Array(0);
  let from = 0;
  let to = 0;

  const makeRoom = (count: number): void => {
    if (to + count <= store.length) return;
    const needed = to - from + count;
    const target = needed > store.length ? new Uint8Array(Math.max(needed, store.length * 2)) : store;
    target.set(store.subarray(from, to));
    store = target;
    to -= from;
    from = 0;
  };

  return {
    get length() {
      return to - from;
    },
    append: (bytes) => {
      makeRoom(bytes.length);
      store.set(bytes, to);
      to += bytes.length;
    },
    peek: (count) => store.subarray(from, Math.min(to, from + count)),
    drop: (count) => {
      from = Math.min(to, from + count);
      if (from === to) from = to = 0;
    },
  };
}
