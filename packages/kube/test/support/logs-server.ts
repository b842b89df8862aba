import { Buffer } from 'node:buffer';
import type { Clock } from '@runner/core';
import type { KubeApi, PodLogOptions } from '../../src/index.ts';
import { kubeError } from '../../src/index.ts';

/** What the container runtime keeps of an output: a line, or a piece of one. */
interface Entry {
  readonly nanos: bigint;
  readonly bytes: Buffer;
}

interface Reader {
  wake: () => void;
  ending: 'cut' | 'truncated' | { readonly foreign: string } | undefined;
  /** Where the file ends that it stays with. */
  until: number;
}

export interface LogServerOptions {
  readonly clock: Clock;
  /** Longest piece of a line that the runtime stores. Default 16 KiB. */
  readonly pieceBytes?: number;
  /** Nanoseconds at least between one entry and the next. Default 1,000. */
  readonly step?: () => number;
  /** Nanoseconds by which a line is dated back, and so comes out of order; not pieces of one. Default 0. */
  readonly dateBack?: () => number;
  /** Sizes of the pieces in which streams come. Default: as they are written. */
  readonly chunk?: () => number;
}

/**
 * A container's log as an API server gives it, through the port: times before lines but not before pieces, `sinceTime` in
 * seconds, only the current file to new readers, following across rotations.
 */
export function createLogServer({ clock, pieceBytes = 16_384, step = () => 1_000, dateBack, chunk }: LogServerOptions) {
  const entries: Entry[] = [];
  let fileStart = 0;
  let rest = Buffer.alloc(0);
  let last = 0n;
  let started = false;
  let ended = false;
  let gone = false;
  let refusals: Error[] = [];
  const readers = new Set<Reader>();
  const asked: PodLogOptions[] = [];

  const wakeAll = (): void => readers.forEach((reader) => reader.wake());
  const store = (length: number): void => {
    const now = BigInt(Math.floor(clock.now())) * 1_000_000n;
    const next = last + BigInt(step());
    last = now > next ? now : next;
    const bytes = rest.subarray(0, length);
    const whole = bytes.at(-1) === 10 && (entries.at(-1)?.bytes.at(-1) ?? 10) === 10;
    entries.push({ nanos: last - BigInt(whole ? (dateBack?.() ?? 0) : 0), bytes });
    rest = rest.subarray(length);
  };

  async function* read({ follow, sinceTime, timestamps, signal }: PodLogOptions): AsyncGenerator<Uint8Array> {
    const since = sinceTime === undefined ? 0n : BigInt(Date.parse(sinceTime)) * 1_000_000n;
    const reader: Reader = { wake: () => undefined, ending: undefined, until: Infinity };
    const onAbort = (): void => reader.wake();
    signal.addEventListener('abort', onAbort);
    readers.add(reader);
    try {
      let lineBegins = true;
      for (let at = fileStart; ;) {
        const entry = at < reader.until ? entries[at] : undefined;
        if (signal.aborted) throw signal.reason;
        if (reader.ending === 'cut') throw kubeError('kube_unreachable', 'the connection was cut');
        if (reader.ending === 'truncated') return;
        // Within a line it could not be told from output.
        if (reader.ending !== undefined && !lineBegins) return;
        if (reader.ending !== undefined) {
          yield Buffer.from(reader.ending.foreign);
          return;
        }
        if (entry !== undefined) {
          at += 1;
          const prefix = timestamps === true && lineBegins ? `${timeOf(entry.nanos)} ` : '';
          lineBegins = entry.bytes.at(-1) === 10;
          if (entry.nanos >= since) yield* cutUp(Buffer.concat([Buffer.from(prefix), entry.bytes]), reader);
        } else if (follow !== true || ended) {
          return;
        } else {
          await new Promise<void>((resolve) => (reader.wake = resolve));
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      readers.delete(reader);
    }
  }

  /** A cut may come between any two bytes; what the node writes itself comes between two entries. */
  function* cutUp(bytes: Buffer, reader: Reader): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length && reader.ending === undefined;) {
      const size = Math.max(1, chunk?.() ?? bytes.length);
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }

  const endReaders = (ending: Reader['ending']): void => {
    for (const reader of readers) {
      reader.ending = ending;
      reader.wake();
    }
  };

  const api = {
    podLog: async (_namespace: string, _pod: string, options: PodLogOptions) => {
      await Promise.resolve();
      asked.push(options);
      const error = refusals.shift();
      if (error !== undefined) throw error;
      return started && !gone ? read(options) : undefined;
    },
  } as unknown as KubeApi;

  return {
    api,
    /** Every request, in order. */
    asked,
    open: (): number => readers.size,
    ended: (): Promise<boolean> => Promise.resolve(ended || gone),
    start: (): void => void (started = true),
    write: (bytes: string | Uint8Array): void => {
      started = true;
      rest = Buffer.concat([rest, Buffer.from(bytes)]);
      for (;;) {
        const newline = rest.indexOf(10);
        const line = newline === -1 ? rest.length : newline + 1;
        if (line > pieceBytes + 1) store(pieceBytes);
        else if (newline !== -1) store(line);
        else break;
      }
      wakeAll();
    },
    end: (): void => {
      if (rest.length > 0) store(rest.length);
      ended = true;
      wakeAll();
    },
    /** Only what is written from now on is given to new readers. */
    rotate: (): void => void (fileStart = entries.length),
    /** The same, and who follows stays with the old file, as the kubelet does when it is still reading that. */
    rotateUnnoticed: (): void => {
      fileStart = entries.length;
      for (const reader of readers) reader.until = Math.min(reader.until, fileStart);
    },
    cut: (): void => endReaders('cut'),
    /** Ends the streams as if they were complete. */
    truncate: (): void => endReaders('truncated'),
    /** Ends the streams with a text that is not of the container. */
    spoil: (foreign: string): void => endReaders({ foreign }),
    /** The pod is deleted. */
    remove: (): void => {
      gone = true;
      endReaders('cut');
    },
    refuse: (...errors: Error[]): void => void (refusals = [...refusals, ...errors]),
  };
}

function timeOf(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;
}
