import type { Clock } from '@runner/core';

/** A line as the container runtime stores it, or a piece of one. */
export interface LogEntry {
  /** Offset of the first byte, counted from the container's first. */
  readonly fromByte: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly bytes: Buffer;
}

/**
 * The log of a container, as the runtime keeps it: by lines, each with its time. A line that is not ended yet cannot be
 * read before it is, or the program ends; one of more than 16 KiB is stored in pieces.
 */
export interface TestLog {
  write(bytes: Uint8Array): void;
  /** The program is over: what it wrote last is readable even without a line end, and readers who follow are done. */
  end(): void;
  /** Removes every line that begins before this byte, as rotation does with whole files. */
  rotate(beforeByte: number): void;
  /** Whether the node can be reached; when not, reading fails with 500 and readers who follow hang. */
  reachable: boolean;
}

/** Pieces of the container runtime. */
const MOST_PIECE_BYTES = 16 * 1024;
const NEWLINE = 10;

export class ContainerLog implements TestLog {
  reachable = true;
  readonly #clock: Clock;
  readonly #readers = new Set<() => void>();
  readonly #entries: LogEntry[] = [];
  #dropped = 0;
  #rest: Buffer = Buffer.alloc(0);
  #size = 0;
  #lastTime = 0n;
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Index of the first entry that is still there. */
  get first(): number {
    return this.#dropped;
  }

  get length(): number {
    return this.#dropped + this.#entries.length;
  }

  entry(index: number): LogEntry | undefined {
    return this.#entries[index - this.#dropped];
  }

  write(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE);
      const line = end < 0 ? this.#rest.length : end + 1;
      if (line > MOST_PIECE_BYTES + (end < 0 ? 0 : 1)) this.#store(MOST_PIECE_BYTES);
      else if (end >= 0) this.#store(line);
      else break;
    }
    this.#tell();
  }

  end(): void {
    if (this.#ended) return;
    if (this.#rest.length > 0) this.#store(this.#rest.length);
    this.#ended = true;
    this.#tell();
  }

  rotate(beforeByte: number): void {
    const kept = this.#entries.findIndex((entry) => entry.fromByte >= beforeByte);
    const count = kept < 0 ? this.#entries.length : kept;
    this.#entries.splice(0, count);
    this.#dropped += count;
    this.#tell();
  }

  /** Calls back after every change. */
  follow(reader: () => void): () => void {
    this.#readers.add(reader);
    return () => void this.#readers.delete(reader);
  }

  #store(bytes: number): void {
    const now = BigInt(Math.floor(this.#clock.now())) * 1_000_000n;
    // Never the same time twice, and spread as real ones are.
    this.#lastTime = now > this.#lastTime ? now + 1_037n : this.#lastTime + 2_111n;
    this.#entries.push({
      fromByte: this.#size,
      time: this.#lastTime,
      bytes: Buffer.from(this.#rest.subarray(0, bytes)),
    });
    this.#rest = this.#rest.subarray(bytes);
    this.#size += bytes;
  }

  #tell(): void {
    for (const reader of [...this.#readers]) reader();
  }
}

/** RFC 3339 with nanoseconds. */
export function nanoTime(time: bigint): string {
  const seconds = new Date(Number(time / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(time % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** Nanoseconds since 1970, undefined when it is no time. */
export function parseNanoTime(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, seconds = '', fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(`${seconds}${zone}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
