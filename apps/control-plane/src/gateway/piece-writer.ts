import type { Clock } from '@runner/core';
import type { LogPiece } from '@runner/protocol/server';
import type { LogPiece as StoredPiece } from '../store/ports.ts';

type Content = Exclude<LogPiece, { kind: 'end' }>;

export interface PieceWriterOptions {
  /** Raw end of what is stored. */
  readonly from: number;
  readonly append: (piece: StoredPiece) => Promise<unknown>;
  readonly clock: Clock;
  /** Shortest time between two writes, milliseconds. Default 200. */
  readonly pauseMs?: number;
}

/** With this much waiting a write does not wait for its time, and with twice as much the reader waits for the write. */
const FULL_BYTES = 262_144;

/**
 * Puts small pieces together into larger writes, so that a line is stored at once when it is quiet and a flood costs few
 * transactions. Pieces that are stored already (a resume that overlaps) are dropped.
 */
export class PieceWriter {
  readonly #options: PieceWriterOptions;
  #waiting: Content[] = [];
  #bytes = 0;
  #end: number;
  #lastWriteAt = -Infinity;
  #writing: Promise<void> | undefined;
  #hurry = new AbortController();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: PieceWriterOptions) {
    this.#options = options;
    this.#end = options.from;
  }

  /** Takes a piece; resolves when the next may come. Rejects with what a write failed with. */
  async add(piece: Content): Promise<void> {
    this.#throwFailure();
    if (piece.rawTo <= this.#end) return;
    this.#waiting.push(piece);
    if (piece.kind === 'chunk') this.#bytes += Buffer.byteLength(piece.data);
    this.#writing ??= this.#write();
    if (this.#bytes >= FULL_BYTES) this.#hurry.abort();
    if (this.#bytes >= 2 * FULL_BYTES) await this.#writing;
    this.#throwFailure();
  }

  /** Writes what is left. Rejects with what a write failed with; then nothing more is written. */
  async flush(): Promise<void> {
    this.#throwFailure();
    this.#hurry.abort();
    await (this.#writing ?? this.#write());
    this.#throwFailure();
  }

  async #write(): Promise<void> {
    const { clock, append, pauseMs = 200 } = this.#options;
    try {
      while (this.#waiting.length > 0) {
        const pause = this.#lastWriteAt + pauseMs - clock.monotonic();
        if (pause > 0) await clock.sleep(pause, this.#hurry.signal).catch(() => undefined);
        const pieces = this.#waiting.splice(0);
        this.#bytes = 0;
        this.#hurry = new AbortController();
        for (const piece of joined(pieces, this.#end)) await append(piece);
        this.#end = pieces.at(-1)?.rawTo ?? this.#end;
        this.#lastWriteAt = clock.monotonic();
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#writing = undefined;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Pieces that follow each other become one. A piece that begins before `end` stays alone: the store cuts it. */
function joined(pieces: readonly Content[], end: number): readonly StoredPiece[] {
  const out: { rawFrom: number; rawTo: number; texts: string[] }[] = [];
  for (const piece of pieces) {
    const text = piece.kind === 'chunk' ? piece.data : gapMark(piece.rawFrom, piece.rawTo);
    const last = out.at(-1);
    if (last !== undefined && last.rawTo === piece.rawFrom && last.rawFrom >= end) {
      last.rawTo = piece.rawTo;
      last.texts.push(text);
    } else out.push({ rawFrom: piece.rawFrom, rawTo: piece.rawTo, texts: [text] });
  }
  return out.map(({ rawFrom, rawTo, texts }) => ({ rawFrom, rawTo, text: texts.join('') }));
}

function gapMark(rawFrom: number, rawTo: number): string {
  return `\n[bytes ${rawFrom} to ${rawTo} of this log could not be read]\n`;
}
