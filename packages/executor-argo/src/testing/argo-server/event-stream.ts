import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '@runner/core';
import type { Json } from './words.ts';
import { ArgoFailure, cleaned } from './words.ts';

export interface EventStreamOptions {
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly keepaliveMs: number;
  /** Server-sent events; else plain lines. */
  readonly sse: boolean;
  readonly fields: string | null;
}

/** A stream of events as Argo writes it. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #closed = new AbortController();
  #timer: Timer | undefined;
  #muted = false;
  #begun = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    options.response.on('close', () => this.#close());
    if (options.sse) this.#keepAlive();
  }

  /** Aborted when nobody listens any more. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  onClose(listener: () => void): void {
    this.signal.addEventListener('abort', listener, { once: true });
  }

  send(value: Json): void {
    if (!this.#muted) this.#write(asEvent(value, this.#options));
  }

  /** Says what went wrong, and ends. */
  fail(failure: ArgoFailure): void {
    if (this.#muted) return;
    this.#write(asEvent(failure.event(), this.#options), failure.httpStatus);
    this.end();
  }

  /** The watch behind it ended: that is an error too. */
  finish(): void {
    this.fail(new ArgoFailure(8, 'EOF'));
  }

  end(): void {
    if (this.#muted || this.signal.aborted) return;
    if (!this.#begun) this.#write('');
    this.#options.response.end();
  }

  /** Nothing but signs of life from here on. */
  mute(): void {
    this.#muted = true;
  }

  cut(): void {
    this.#options.response.destroy();
  }

  /** The head of the answer goes with the first thing there is to say, as late as that may be. */
  #write(text: string, status = 200): void {
    const { response, sse } = this.#options;
    if (this.signal.aborted) return;
    if (!this.#begun) response.writeHead(status, { 'content-type': sse ? 'text/event-stream' : 'application/json' });
    this.#begun = true;
    response.write(text);
  }

  #keepAlive(): void {
    const { clock, keepaliveMs } = this.#options;
    this.#timer = clock.setTimer(keepaliveMs, () => {
      this.#write(':\n');
      this.#keepAlive();
    });
  }

  #close(): void {
    this.#timer?.cancel();
    this.#closed.abort();
  }
}

export function asEvent(value: Json, { sse, fields }: Pick<EventStreamOptions, 'sse' | 'fields'>): string {
  const text = JSON.stringify(cleaned(value, fields));
  return sse ? `data: ${text} \n\n\n` : `${text}\n`;
}
