import type { Clock, Timer } from '@runner/core';
import { CLOSE } from './close-codes.ts';
import { shortReason } from './close-reason.ts';
import { LIMITS } from './messages.ts';
import type { Socket, SocketListener } from './socket.ts';

/** One end of a pair of sockets. */
export type WireEnd = 'client' | 'server';

export interface MemoryWireOptions {
  /** With a clock, an end that closes and hears nothing back is cut after 5 s; without, it waits for the answer. */
  readonly clock?: Clock;
}

/**
 * Two sockets joined in memory. Frames arrive in order, each in a microtask of its own accord, unless the wire is held;
 * then a test decides what happens when.
 */
export interface MemoryWire {
  readonly client: Socket;
  readonly server: Socket;
  /** From now on nothing is delivered by itself. */
  hold(): void;
  /** Delivers what waits, and everything after it by itself again. */
  release(): void;
  /** Hands the oldest waiting frame or ending to that end; false when none waits. */
  deliverNext(to: WireEnd): boolean;
  /** How much waits for that end. */
  waiting(to: WireEnd): number;
  /** That end, or both, see the connection break (1006); what was under way is lost. The other end is not told. */
  cut(end: WireEnd | 'both'): void;
  /** Whatever is sent towards that end, endings included, vanishes from now on, and nobody is told. */
  halfOpen(towards: WireEnd | 'both'): void;
}

const CLOSE_TIMEOUT_MS = 5_000;
const BROKEN = 1006;

type Item =
  | { readonly kind: 'text'; readonly text: string; readonly bytes: number }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'break' };

/** Makes a pair of sockets that are open already. */
export function memoryWire(options: MemoryWireOptions = {}): MemoryWire {
  let held = false;
  const isHeld = (): boolean => held;
  const client = new End(isHeld, options.clock);
  const server = new End(isHeld, options.clock);
  client.join(server);
  server.join(client);
  const ends: Record<WireEnd, End> = { client, server };
  const each = (end: WireEnd | 'both'): End[] => (end === 'both' ? [client, server] : [ends[end]]);
  return {
    client,
    server,
    hold: () => {
      held = true;
    },
    release: () => {
      held = false;
      client.schedule();
      server.schedule();
    },
    deliverNext: (to) => ends[to].deliverNext(),
    waiting: (to) => ends[to].waiting,
    cut: (end) => each(end).forEach((one) => one.break()),
    halfOpen: (towards) => each(towards).forEach((one) => one.deafen()),
  };
}

class End implements Socket {
  readonly #isHeld: () => boolean;
  readonly #clock: Clock | undefined;
  readonly #inbox: Item[] = [];
  #peer: End | undefined;
  #listener: SocketListener | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #deaf = false;
  #scheduled = false;
  #said: { code: number; reason: string } | undefined;
  #over: { code: number; reason: string } | undefined;
  #timer: Timer | undefined;

  constructor(isHeld: () => boolean, clock: Clock | undefined) {
    this.#isHeld = isHeld;
    this.#clock = clock;
  }

  join(peer: End): void {
    this.#peer = peer;
  }

  get waiting(): number {
    return this.#inbox.length;
  }

  get bufferedBytes(): number {
    return this.#peer?.unread ?? 0;
  }

  get unread(): number {
    return this.#inbox.reduce((sum, item) => sum + (item.kind === 'text' ? item.bytes : 0), 0);
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    if (this.#over !== undefined) this.#tell();
    else this.schedule();
  }

  send(text: string): void {
    if (this.#state === 'open') this.#peer?.push({ kind: 'text', text, bytes: Buffer.byteLength(text) });
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#said = { code, reason };
    this.#peer?.push({ kind: 'close', code, reason: shortReason(reason) });
    this.#timer = this.#clock?.setTimer(CLOSE_TIMEOUT_MS, () => this.terminate());
  }

  terminate(): void {
    if (this.#state === 'closed') return;
    this.#peer?.push({ kind: 'break' });
    this.break();
  }

  /** The connection is gone for this end. */
  break(): void {
    this.#finish(this.#said ?? { code: BROKEN, reason: '' });
  }

  deafen(): void {
    this.#deaf = true;
    this.#inbox.length = 0;
  }

  push(item: Item): void {
    if (this.#deaf || this.#state === 'closed') return;
    this.#inbox.push(item);
    this.schedule();
  }

  schedule(): void {
    if (this.#scheduled || this.#isHeld() || this.#listener === undefined || this.#inbox.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      while (!this.#isHeld() && this.deliverNext());
    });
  }

  deliverNext(): boolean {
    const item = this.#inbox.shift();
    if (item === undefined) return false;
    if (item.kind === 'break') this.break();
    else if (item.kind === 'close') this.#receiveClose(item);
    else if (this.#state === 'open') this.#receiveText(item);
    return true;
  }

  #receiveText(item: { readonly text: string; readonly bytes: number }): void {
    if (item.bytes > LIMITS.frameBytes) this.close(CLOSE.tooLarge.code, CLOSE.tooLarge.name);
    else this.#listener?.message(item.text, item.bytes);
  }

  #receiveClose(item: { readonly code: number; readonly reason: string }): void {
    if (this.#state === 'open') this.#peer?.push({ kind: 'close', code: item.code, reason: item.reason });
    this.#finish(this.#said ?? { code: item.code, reason: item.reason });
  }

  #finish(over: { code: number; reason: string }): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#inbox.length = 0;
    this.#over = over;
    if (this.#listener !== undefined) this.#tell();
  }

  /** Never inside the call that caused it, as with a real socket. */
  #tell(): void {
    const { code, reason } = this.#over ?? { code: BROKEN, reason: '' };
    queueMicrotask(() => this.#listener?.closed(code, reason));
  }
}
