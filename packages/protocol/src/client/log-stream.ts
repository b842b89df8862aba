import type { Clock, Timer } from '@runner/core';
import { LIMITS } from '../messages.ts';
import type { AgentLogStream } from './ports.ts';
import type { AgentStatement } from './statement.ts';

type LogStatement = Extract<AgentStatement, { type: `log.${string}` }>;
type Chunk = Parameters<AgentLogStream['chunk']>[0];
type EndReason = Parameters<AgentLogStream['end']>[1];

/** Logs wait while more than this has not left the socket: other frames must not stand in a long queue behind them. */
const HIGH_WATER_BYTES = 262_144;
/** A socket does not tell when it has drained, so it is looked at. */
const DRAIN_POLL_MS = 5;

/** A statement that has not been sent, and what it costs of the credit. */
interface Waiting {
  readonly statement: LogStatement;
  readonly cost: number;
}

export interface LogStreamOptions {
  readonly streamId: string;
  readonly runId: string;
  readonly fromByte: number;
  readonly follow: boolean;
  readonly credit: number;
  readonly clock: Clock;
  readonly send: (statement: LogStatement) => void;
  /** Bytes that have not left the socket. */
  readonly buffered: () => number;
}

/**
 * One log stream under credit. A chunk is sent while the credit is above zero and costs the UTF-8 bytes of its data, so
 * credit may fall below zero by less than one chunk.
 */
export class LogStream implements AgentLogStream {
  readonly streamId: string;
  readonly runId: string;
  readonly fromByte: number;
  readonly follow: boolean;
  readonly #options: LogStreamOptions;
  readonly #abort = new AbortController();
  readonly #queue: Waiting[] = [];
  #credit: number;
  #waiters: (() => void)[] = [];
  #poll: Timer | undefined;

  constructor(options: LogStreamOptions) {
    this.streamId = options.streamId;
    this.runId = options.runId;
    this.fromByte = options.fromByte;
    this.follow = options.follow;
    this.#options = options;
    this.#credit = options.credit;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  chunk(chunk: Chunk): Promise<void> {
    // Counting a chunk of this size takes a tenth of what writing it as JSON does, so it is done once.
    const bytes = Buffer.byteLength(chunk.data);
    if (bytes <= LIMITS.logDataBytes) this.#putChunk(chunk, bytes);
    else for (const piece of splitChunk(chunk)) this.#putChunk(piece, Buffer.byteLength(piece.data));
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#pump();
    });
  }

  gap(rawFrom: number, rawTo: number): void {
    this.#put({ ...this.#name(), type: 'log.gap', rawFrom, rawTo });
    this.#pump();
  }

  end(rawTo: number, reason: EndReason, message?: string): void {
    const why = message === undefined ? {} : { message };
    this.#put({ ...this.#name(), type: 'log.end', rawTo, reason, ...why });
    this.#pump();
  }

  /** The control plane allows so many bytes more. */
  grant(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, Number.MAX_SAFE_INTEGER);
    this.#pump();
  }

  /** The control plane closed it, or the session is over. */
  stop(): void {
    this.#queue.length = 0;
    this.#poll?.cancel();
    this.#abort.abort();
    this.#wake();
  }

  #name(): { streamId: string; runId: string } {
    return { streamId: this.streamId, runId: this.runId };
  }

  #putChunk(chunk: Chunk, cost: number): void {
    this.#put({ ...this.#name(), type: 'log.chunk', ...chunk }, cost);
  }

  #put(statement: LogStatement, cost = 0): void {
    if (!this.#abort.signal.aborted) this.#queue.push({ statement, cost });
  }

  #pump(): void {
    for (let next = this.#queue[0]; next !== undefined && this.#maySend(next.statement); next = this.#queue[0]) {
      this.#queue.shift();
      this.#credit -= next.cost;
      this.#options.send(next.statement);
      if (next.statement.type === 'log.end') {
        this.stop();
        return;
      }
    }
    const isReady = this.#queue.length === 0 && this.#credit > 0 && this.#hasDrained();
    if (isReady || this.#abort.signal.aborted) this.#wake();
  }

  #maySend(statement: LogStatement): boolean {
    if (!this.#hasDrained()) return false;
    return statement.type !== 'log.chunk' || this.#credit > 0;
  }

  #hasDrained(): boolean {
    if (this.#options.buffered() <= HIGH_WATER_BYTES) return true;
    this.#poll ??= this.#options.clock.setTimer(DRAIN_POLL_MS, () => {
      this.#poll = undefined;
      this.#pump();
    });
    return false;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }
}

/**
 * A chunk that is too large, in frames of allowed size. Redaction and replaced bytes can make data longer than its raw
 * range; then all frames but the last stand for no raw byte of their own, so that a resume never skips anything.
 */
function splitChunk(chunk: Chunk): readonly Chunk[] {
  const { rawFrom, rawTo, data, continued } = chunk;
  const texts = splitText(data);
  return texts.map((text, index) =>
    index < texts.length - 1
      ? { rawFrom, rawTo: rawFrom, data: text, continued: true }
      : { rawFrom, rawTo, data: text, ...(continued === undefined ? {} : { continued }) },
  );
}

/** Pieces that are within the limit in any case: at most three bytes for each UTF-16 unit, never inside a pair. */
function splitText(text: string): readonly string[] {
  const step = Math.floor(LIMITS.logDataBytes / 3) - 1;
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = at + step;
    const isInPair = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
    pieces.push(text.slice(at, isInPair ? end + 1 : end));
    at = isInPair ? end + 1 : end;
  }
  return pieces;
}
