import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Longer than any client keeps a connection, so that one is never reused as it is being closed. */
const KEEP_ALIVE_MS = 120_000;

/** Certificate chain and key, as PEM. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
}

/** A port on 127.0.0.1 that can be closed and opened again; HTTPS where it is given a certificate. */
export class Listener {
  readonly #serve: RequestListener;
  readonly #tls: ListenerTls | undefined;
  #http: Server | undefined;
  #port = 0;

  constructor(serve: RequestListener, tls?: ListenerTls) {
    this.#serve = serve;
    this.#tls = tls;
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    if (this.#http !== undefined) return;
    const http =
      this.#tls === undefined ? createServer(this.#serve) : createSecureServer({ ...this.#tls }, this.#serve);
    this.#http = http;
    http.keepAliveTimeout = KEEP_ALIVE_MS;
    http.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    if (http === undefined) return;
    await new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  }
}
