/** The port towards a WebSocket library. Adapters: `ws` and memory. */

export interface SocketListener {
  /** A text frame, or `undefined` for a binary one (which the protocol does not know). `bytes` is its size on the wire. */
  message(text: string | undefined, bytes: number): void;
  /** Called exactly once, also when the connection broke (1006). */
  closed(code: number, reason: string): void;
}

export interface Socket {
  /** Queues a text frame. After close: nothing happens. */
  send(text: string): void;
  /** Starts the closing handshake; `closed` follows. A peer that never answers is cut within the adapter's own time limit. */
  close(code: number, reason: string): void;
  /** Cuts at once. */
  terminate(): void;
  /** Bytes handed to `send` that have not left yet; log streams wait while it is high. */
  readonly bufferedBytes: number;
  /** Must be called once, synchronously after the socket was handed over. */
  listen(listener: SocketListener): void;
}
