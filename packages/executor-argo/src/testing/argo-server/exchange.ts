import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@runner/core';
import type { ArgoServerCall, ArgoServerFault } from '../argo-server.ts';
import { EventStream, asEvent } from './event-stream.ts';
import type { ArgoFaults } from './faults.ts';
import type { Asked } from './request.ts';
import { ArgoFailure, failureOf } from './words.ts';

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly faults: ArgoFaults;
  readonly keepaliveMs: number;
  readonly record: (call: ArgoServerCall) => void;
}

const PAGE = '<!doctype html><title>Somewhere else</title>';

/** The answer to one request. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #asked: Asked | undefined;
  readonly #text: string;

  constructor(
    options: ExchangeOptions,
    request: IncomingMessage,
    response: ServerResponse,
    asked: Asked | undefined,
    text: string,
  ) {
    this.#options = options;
    this.#request = request;
    this.#response = response;
    this.#asked = asked;
    this.#text = text;
  }

  say(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#record(status);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json';
    this.#response.writeHead(status, { 'content-type': type, ...headers }).end(text);
  }

  refuse(failure: ArgoFailure, headers: Readonly<Record<string, string>> = {}): void {
    const asked = this.#asked;
    if (asked?.call !== 'watch' && asked?.call !== 'log') {
      this.say(failure.httpStatus, failure.body(), headers);
      return;
    }
    this.#record(failure.httpStatus);
    const { sse } = this;
    this.#response.writeHead(failure.httpStatus, {
      'content-type': sse ? 'text/event-stream' : 'application/json',
      ...headers,
    });
    this.#response.end(asEvent(failure.event(), { sse, fields: asked.query.get('fields') }));
  }

  unknown(): void {
    if (this.#request.url?.startsWith('/api/') === true) this.refuse(new ArgoFailure(12, 'Not Implemented'));
    else this.say(200, '<!doctype html><title>Argo</title>');
  }

  spoil(fault: ArgoServerFault): void {
    switch (fault.kind) {
      case 'status': {
        const headers = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
        this.refuse(failureOf(fault.status, fault.message ?? 'a fault of this test'), headers);
        return;
      }
      case 'html':
        this.say(fault.status ?? 200, PAGE);
        return;
      case 'redirect':
        this.say(302, '', { location: '/login' });
        return;
      case 'reset':
        this.#record(0);
        this.#request.socket.destroy();
        return;
      default:
        this.#record(0);
    }
  }

  open(): EventStream {
    const { clock, keepaliveMs, faults } = this.#options;
    this.#record(200);
    const fields = this.#asked?.query.get('fields') ?? null;
    const stream = new EventStream({ response: this.#response, clock, keepaliveMs, sse: this.sse, fields });
    faults.opened(stream, this.#asked?.call ?? 'watch');
    return stream;
  }

  /** Argo compares the whole header. */
  get sse(): boolean {
    return this.#request.headers.accept === 'text/event-stream';
  }

  #record(status: number): void {
    const asked = this.#asked;
    this.#options.record({
      call: asked?.call ?? 'unknown',
      namespace: asked?.namespace,
      name: asked?.name,
      path: this.#request.url ?? '',
      status,
      body: parsed(this.#text),
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? undefined : text;
  }
}
