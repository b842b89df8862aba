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

  constructor(options: EventStreamOptions) {
    this.#options = options;
    const { response, sse } = options;
    response.on('close', () => this.#close());
    response.writeHead(200, { 'content-type': sse ? 'text/event-stream' : 'application/json' });
    response.flushHeaders();
    if (sse) this.#keepAlive();
  }

  /** Aborted when nobody listens any more. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  onClose(listener: () => void): void {
    this.signal.addEventListener('abort', listener, { once: true });
  }

  send(value: Json): void {
    if (this.#muted || this.signal.aborted) return;
    this.#options.response.write(asEvent(value, this.#options));
  }

  /** Says what went wrong, and ends. */
  fail(failure: ArgoFailure): void {
    this.send(failure.event());
    this.end();
  }

  /** The watch behind it ended: that is an error too. */
  finish(): void {
    this.fail(new ArgoFailure(8, 'EOF'));
  }

  end(): void {
    if (!this.#muted) this.#options.response.end();
  }

  /** Nothing but signs of life from here on. */
  mute(): void {
    this.#muted = true;
  }

  cut(): void {
    this.#options.response.destroy();
  }

  #keepAlive(): void {
    const { clock, keepaliveMs, response } = this.#options;
    this.#timer = clock.setTimer(keepaliveMs, () => {
      response.write(':\n');
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
