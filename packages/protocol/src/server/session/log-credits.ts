import { CLOSE } from '../../close-codes.ts';
import { LIMITS } from '../../messages.ts';
import type { LogMessage, Step } from './step.ts';
import { NOTHING, end, event, ignore } from './step.ts';

interface Stream {
  readonly runId: string;
  credit: number;
  closing: boolean;
}

/** Closed streams whose last chunks may still be under way. */
const MOST_CLOSING = 1_024;

/** The log streams of one session and what each may still send. */
export class LogCredits {
  readonly #streams = new Map<string, Stream>();
  #number = 0;
  #open = 0;

  get isFull(): boolean {
    return this.#open >= LIMITS.logStreams;
  }

  open(runId: string, credit: number): string {
    this.#number += 1;
    const streamId = `log-${this.#number}`;
    this.#streams.set(streamId, { runId, credit, closing: false });
    this.#open += 1;
    return streamId;
  }

  /** False when the stream is over. */
  grant(streamId: string, bytes: number): boolean {
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.closing) return false;
    stream.credit += bytes;
    return true;
  }

  /** False when there is nothing to close. */
  close(streamId: string): boolean {
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.closing) return false;
    stream.closing = true;
    this.#open -= 1;
    if (this.#streams.size - this.#open > MOST_CLOSING) this.#dropOldestClosing();
    return true;
  }

  /** A frame of a stream. */
  take(message: LogMessage): Step {
    const { type, streamId, runId } = message;
    const spent = type === 'log.chunk' ? Buffer.byteLength(message.data) : 0;
    const answer = type === 'log.end' ? this.end(streamId, runId) : this.spend(streamId, runId, spent);
    if (answer === 'over') return end(CLOSE.badFrame, 'a log stream sent more than it had credit for');
    if (answer === 'unknown') return ignore('unknown_stream');
    return answer === 'closing' ? NOTHING : event({ kind: 'log', message });
  }

  /** What to do with a frame of this stream. `over`: it sent more than it had credit for. */
  spend(streamId: string, runId: string, bytes: number): 'ok' | 'closing' | 'unknown' | 'over' {
    const stream = this.#streams.get(streamId);
    if (stream?.runId !== runId) return 'unknown';
    // The last chunk may be larger than what is left: an agent cannot know where a line will end.
    if (stream.credit <= 0 && bytes > 0) return 'over';
    stream.credit -= bytes;
    return stream.closing ? 'closing' : 'ok';
  }

  end(streamId: string, runId: string): 'ok' | 'closing' | 'unknown' {
    const stream = this.#streams.get(streamId);
    if (stream?.runId !== runId) return 'unknown';
    this.#streams.delete(streamId);
    if (stream.closing) return 'closing';
    this.#open -= 1;
    return 'ok';
  }

  #dropOldestClosing(): void {
    for (const [streamId, stream] of this.#streams) {
      if (!stream.closing) continue;
      this.#streams.delete(streamId);
      return;
    }
  }
}
