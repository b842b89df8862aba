import { abortError } from '@runner/core';
import type { LogPiece, LogReadOptions } from './ports.ts';
import type { LogMessage, Step } from './session/step.ts';
import type { ServerSession } from './session.ts';

/** What an agent may send of one stream before anybody has read it. */
const WINDOW_BYTES = 262_144;
/** Credit goes back in portions of at least this much. */
const GRANT_BYTES = 65_536;

/** The log streams of one socket. Each has its own window: a reader that is slow holds up its own stream only. */
export class LogStreams {
  readonly #session: ServerSession;
  readonly #perform: (step: Step) => void;
  readonly #inboxes = new Map<string, Inbox>();

  constructor(session: ServerSession, perform: (step: Step) => void) {
    this.#session = session;
    this.#perform = perform;
  }

  /** Opens a stream at the first `next()`, closes it when the reader leaves. Throws `aborted` when the signal is. */
  async *read({ runId, fromByte, follow, signal }: LogReadOptions): AsyncGenerator<LogPiece, void> {
    if (signal.aborted) throw abortError(signal);
    const opened = this.#session.openLog({ runId, fromByte, follow, credit: WINDOW_BYTES });
    if (opened === undefined) {
      yield { kind: 'end', rawTo: fromByte, reason: 'unavailable', message: 'too many logs are read at once' };
      return;
    }
    const { streamId, step } = opened;
    const inbox = new Inbox(fromByte);
    this.#inboxes.set(streamId, inbox);
    const onAbort = (): void => inbox.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#perform(step);
    try {
      yield* this.#pieces(streamId, inbox, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#inboxes.delete(streamId);
      this.#perform(this.#session.closeLog(streamId));
    }
  }

  async *#pieces(streamId: string, inbox: Inbox, signal: AbortSignal): AsyncGenerator<LogPiece, void> {
    let read = 0;
    for (;;) {
      if (signal.aborted) throw abortError(signal);
      const piece = inbox.shift();
      if (piece === undefined) {
        await inbox.arrival();
        continue;
      }
      yield piece;
      if (piece.kind === 'end') return;
      if (piece.kind === 'chunk') read += Buffer.byteLength(piece.data);
      if (read < GRANT_BYTES) continue;
      this.#perform(this.#session.creditLog(streamId, read));
      read = 0;
    }
  }

  receive(message: LogMessage): void {
    this.#inboxes.get(message.streamId)?.push(toPiece(message));
  }

  /** The session ended, or this instance is not active any more: readers come back later. */
  endAll(): void {
    for (const inbox of this.#inboxes.values()) inbox.push({ kind: 'end', rawTo: inbox.rawTo, reason: 'session' });
  }
}

/** Pieces that nobody has read yet; bounded by the credit the agent was given. */
class Inbox {
  readonly #pieces: LogPiece[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  rawTo: number;

  constructor(fromByte: number) {
    this.rawTo = fromByte;
  }

  push(piece: LogPiece): void {
    if (this.#ended) return;
    this.#ended = piece.kind === 'end';
    if (piece.kind !== 'end') this.rawTo = piece.rawTo;
    this.#pieces.push(piece);
    this.wake();
  }

  shift(): LogPiece | undefined {
    return this.#pieces.shift();
  }

  arrival(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function toPiece(message: LogMessage): LogPiece {
  switch (message.type) {
    case 'log.chunk': {
      const { rawFrom, rawTo, data, continued = false } = message;
      return { kind: 'chunk', rawFrom, rawTo, data, continued };
    }
    case 'log.gap':
      return { kind: 'gap', rawFrom: message.rawFrom, rawTo: message.rawTo };
    case 'log.end': {
      const { rawTo, reason, message: text } = message;
      return { kind: 'end', rawTo, reason, ...(text === undefined ? {} : { message: text }) };
    }
  }
}
