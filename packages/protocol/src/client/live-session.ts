import type { Timer } from '@runner/core';
import type { CloseCode } from '../close-codes.ts';
import { CLOSE } from '../close-codes.ts';
import type { WireObservation } from '../messages.ts';
import type { Socket } from '../socket.ts';
import { LogStream } from './log-stream.ts';
import type { ConnectOptions, SessionInfo } from './ports.ts';
import { ClientSession } from './session.ts';
import type { SessionEffect, SessionEvent } from './session-effect.ts';
import type { AgentStatement } from './statement.ts';

export interface LiveSessionHooks {
  /** Welcomed, or given another role; called before the handler is told. */
  readonly announced: (info: SessionInfo) => void;
  /** The session is over; called once. */
  readonly ended: (code: number, reason: string) => void;
}

/** One session on one socket: carries the effects of the state machine out, keeps its one timer and its log streams. */
export class LiveSession {
  readonly machine: ClientSession;
  /** Resolves when the connection behind the session is gone. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;
  readonly #options: ConnectOptions;
  readonly #hooks: LiveSessionHooks;
  readonly #streams = new Map<string, LogStream>();
  #timer: { readonly at: number; readonly handle: Timer } | undefined;
  #isOver = false;
  #heardAt: number | undefined;
  #resolveGone: () => void = () => undefined;

  constructor(socket: Socket, options: ConnectOptions, hooks: LiveSessionHooks) {
    this.#socket = socket;
    this.#options = options;
    this.#hooks = hooks;
    const { clock, random } = options;
    this.machine = new ClientSession({ hello: options.hello(), random, at: clock.monotonic() });
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
  }

  /** Wall clock of the last frame heard. */
  get heardAt(): number | undefined {
    return this.#heardAt;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  /** @throws RunnerError `invalid_frame` when the hello cannot be said */
  begin(): void {
    this.#socket.listen({
      message: (text, bytes) => this.#hear(text, bytes),
      closed: (code, reason) => {
        this.#over(code, reason);
        this.#resolveGone();
      },
    });
    this.#perform(this.machine.begin());
    this.#arm();
  }

  say(statement: AgentStatement): void {
    this.#perform(this.machine.say(statement));
  }

  report(levelId: string, observations: readonly WireObservation[]): void {
    this.#perform(this.machine.report(levelId, observations));
  }

  /** Ends the session from this side. */
  close(close: CloseCode, reason: string): void {
    if (this.#isOver) return;
    this.#socket.close(close.code, reason);
    this.#over(close.code, reason);
  }

  /** Nobody is told: the session never began. */
  abandon(): void {
    this.#isOver = true;
    this.#socket.terminate();
  }

  /** Cuts the connection without waiting for anybody. */
  cut(): void {
    this.#socket.terminate();
  }

  #hear(text: string | undefined, bytes: number): void {
    if (this.#isOver) return;
    this.#heardAt = this.#options.clock.now();
    this.#perform(this.machine.receive(text, bytes, this.#options.clock.monotonic()));
    this.#arm();
  }

  #tick(): void {
    this.#timer = undefined;
    this.#perform(this.machine.tick(this.#options.clock.monotonic()));
    this.#arm();
  }

  /** One timer at a time; hearing something only moves the next tick later, which the tick itself finds out. */
  #arm(): void {
    const at = this.machine.nextTickAt;
    if (this.#isOver || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.handle.cancel();
    const { clock } = this.#options;
    const wait = Math.max(0, at - clock.monotonic());
    this.#timer = { at, handle: clock.setTimer(wait, () => this.#tick()) };
  }

  #perform(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      if (this.#isOver) return;
      switch (effect.kind) {
        case 'send':
          this.#socket.send(effect.text);
          this.#options.observer?.frameSent?.(effect.type, effect.bytes);
          break;
        case 'received':
          this.#options.observer?.frameReceived?.(effect.type, effect.bytes);
          break;
        case 'close':
          this.close(effect.close, effect.reason);
          break;
        case 'event':
          this.#handle(effect.event);
      }
    }
  }

  /** A handler that fails is a fault of this agent: the session starts anew, and a level settles what was missed. */
  #handle(event: SessionEvent): void {
    try {
      this.#tell(event);
    } catch (error) {
      this.#options.logger?.error('the agent failed while it handled a frame', { event: event.kind, error });
      this.close(CLOSE.internal, 'the agent failed while it handled a frame');
    }
  }

  #tell(event: SessionEvent): void {
    const { handlers, observer, logger } = this.#options;
    switch (event.kind) {
      case 'session':
        this.#hooks.announced(event.info);
        handlers.session(event.info);
        break;
      case 'start':
        handlers.start(event.run);
        break;
      case 'cancel':
        handlers.cancel(event.runId, event.reason);
        break;
      case 'level':
        handlers.level(event.level);
        break;
      case 'endingAcknowledged':
        handlers.endingAcknowledged(event.runId);
        break;
      case 'recorded':
        handlers.recorded(event.runIds);
        break;
      case 'discard':
        handlers.discard(event.runId);
        break;
      case 'logOpen':
        this.#openStream(event.open);
        break;
      case 'logCredit':
        this.#streams.get(event.streamId)?.grant(event.bytes);
        break;
      case 'logClose':
        this.#stopStream(event.streamId);
        break;
      case 'checkSecrets':
        handlers.checkSecrets?.(event.check);
        break;
      case 'roundTrip':
        observer?.roundTrip?.(event.ms / 1_000);
        break;
      case 'ignored':
        if (event.reason === 'invalid') logger?.error('something could not be said', { problem: event.detail });
        observer?.ignored?.(event.reason);
    }
  }

  #openStream(open: Extract<SessionEvent, { kind: 'logOpen' }>['open']): void {
    const { streamId, runId, fromByte, follow, credit } = open;
    const stream = new LogStream({
      streamId,
      runId,
      fromByte,
      follow,
      credit,
      clock: this.#options.clock,
      buffered: () => this.#socket.bufferedBytes,
      send: (statement) => {
        if (statement.type === 'log.end') this.#streams.delete(streamId);
        this.say(statement);
      },
    });
    this.#streams.set(streamId, stream);
    this.#options.handlers.logStream(stream);
  }

  #stopStream(streamId: string): void {
    const stream = this.#streams.get(streamId);
    this.#streams.delete(streamId);
    stream?.stop();
  }

  #over(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.handle.cancel();
    for (const streamId of [...this.#streams.keys()]) this.#stopStream(streamId);
    this.#hooks.ended(code, reason);
  }
}
