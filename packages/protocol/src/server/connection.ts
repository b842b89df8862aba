import type { Clock, Logger, Timer } from '@runner/core';
import type { CloseCode } from '../close-codes.ts';
import { CLOSE } from '../close-codes.ts';
import type { EncodedFrame } from '../codec.ts';
import { decodeAgentMessage, encodeControlMessage } from '../codec.ts';
import type { ControlMessage, Hello, Role, RunStart, WireObservation } from '../messages.ts';
import type { Socket } from '../socket.ts';
import { LogStreams } from './log-streams.ts';
import type { AgentIdentity, BridgeObserver, ConnectedAgent, InstanceClaim } from './ports.ts';
import { SecretChecks } from './secret-checks.ts';
import type { RunMessage, SessionEvent, Step } from './session/step.ts';
import type { SessionOptions } from './session.ts';
import { ServerSession } from './session.ts';

/** What a connection tells. `bytes` is the size of the frame that said it. */
export interface ConnectionHandler {
  hello(connection: Connection, hello: Hello): void;
  run(connection: Connection, message: RunMessage, bytes: number): void;
  report(
    connection: Connection,
    page: { runs: ReadonlyMap<string, boolean>; observations: readonly WireObservation[] },
    bytes: number,
  ): void;
  reported(connection: Connection): void;
  /** Slots or the wish to leave: what may be started has changed. */
  changed(connection: Connection): void;
  /** Exactly once. */
  closed(connection: Connection, code: number, reason: string): void;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly identity: AgentIdentity;
  readonly session: SessionOptions;
  readonly replicaId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: BridgeObserver;
  readonly handler: ConnectionHandler;
}

/** A peer that lets this much pile up does not read; it must not cost the process its memory. */
const MOST_BUFFERED_BYTES = 64 * 1_048_576;

/** One socket and its session: reads and writes frames, keeps the timer, turns events into calls. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #session: ServerSession;
  readonly #logs: LogStreams;
  readonly #checks: SecretChecks;
  readonly #connectedAt: number;
  #lastSeenAt: number;
  #hello: Hello | undefined;
  #timer: Timer | undefined;
  #over = false;

  constructor(options: ConnectionOptions) {
    const { clock, socket } = options;
    this.#options = options;
    this.#session = new ServerSession(options.session, clock.monotonic());
    this.#logs = new LogStreams(this.#session, (step) => this.#perform(step, 0));
    this.#checks = new SecretChecks(this.#session, (step) => this.#perform(step, 0));
    this.#connectedAt = clock.now();
    this.#lastSeenAt = this.#connectedAt;
    socket.listen({
      message: (text, bytes) => this.#received(text, bytes),
      closed: (code, reason) => this.#ended(code, reason),
    });
    this.#arm();
  }

  get over(): boolean {
    return this.#over;
  }

  get role(): Role {
    return this.#session.role;
  }

  get welcomed(): boolean {
    return this.#session.welcomed;
  }

  get levelOutstanding(): boolean {
    return this.#session.levelOutstanding;
  }

  get identity(): AgentIdentity {
    return this.#options.identity;
  }

  get sessionId(): string {
    return this.#options.session.sessionId;
  }

  get logs(): LogStreams {
    return this.#logs;
  }

  get checks(): SecretChecks {
    return this.#checks;
  }

  get logger(): Logger {
    return this.#options.logger;
  }

  /** Known from hello on. */
  get claim(): InstanceClaim | undefined {
    const hello = this.#hello;
    if (hello === undefined) return undefined;
    const { agentId, instanceId, scope } = hello;
    return { agentId, instanceId, scopeId: scope.id, sessionId: this.sessionId, replicaId: this.#options.replicaId };
  }

  /** How others see it; undefined before hello. */
  get view(): ConnectedAgent | undefined {
    if (this.#hello === undefined) return undefined;
    const { agentId, instanceId, slots } = this.#hello;
    return {
      agentId,
      instanceId,
      sessionId: this.sessionId,
      role: this.#session.role,
      epoch: this.#session.epoch,
      hello: { ...this.#hello, slots: this.#session.slots ?? slots },
      identity: this.identity,
      connectedAt: this.#connectedAt,
      lastSeenAt: this.#lastSeenAt,
      draining: this.#session.draining,
    };
  }

  // --- what the bridge does with it --------------------------------------------------------------------------------------

  setRole(role: Role, epoch: number, reason?: string): void {
    if (role !== 'active') {
      this.#logs.endAll();
      this.#checks.endAll();
    }
    this.#perform(this.#session.setRole(role, epoch, reason), 0);
  }

  challenge(): void {
    this.#perform(this.#session.challenge(this.#options.clock.monotonic()), 0);
    this.#arm();
  }

  level(runs: readonly { runId: string; want: 'run' | 'cancel'; accepted: boolean }[]): void {
    this.#perform(this.#session.level(runs), 0);
  }

  get takesStarts(): boolean {
    return this.#session.takesStarts;
  }

  startsLeft(pipelineType?: string): number {
    return this.#session.startsLeft(pipelineType);
  }

  /** @throws RunnerError when the start cannot be said in a frame; nothing was sent then and no credit used */
  start(run: RunStart, standing: boolean): void {
    const frame = encodeControlMessage({ type: 'start', epoch: this.#session.epoch, run: this.#session.startFor(run) });
    this.#session.noteStart(run, standing);
    this.#write('start', frame);
  }

  tell(message: Parameters<ServerSession['tell']>[0]): void {
    this.#perform(this.#session.tell(message), 0);
  }

  /** Ends the session; `closed` is called before this returns. */
  close(code: CloseCode, reason: string = code.name): void {
    if (this.#over) return;
    this.#options.socket.close(code.code, reason);
    this.#ended(code.code, reason);
  }

  // --- inside ------------------------------------------------------------------------------------------------------------

  #received(text: string | undefined, bytes: number): void {
    if (this.#over) return;
    const { clock, observer } = this.#options;
    this.#lastSeenAt = clock.now();
    const frame = decodeAgentMessage(text, bytes);
    observer.frameReceived?.(frame.kind === 'ok' ? frame.message.type : frame.kind, bytes);
    this.#perform(this.#session.receive(frame, clock.monotonic()), bytes);
  }

  #perform(step: Step, bytes: number): void {
    if (this.#over) return;
    for (const event of step.events) this.#dispatch(event, bytes);
    for (const message of step.send) this.#send(message);
    if (step.close !== undefined) this.close(step.close.code, step.close.reason);
  }

  #send(message: ControlMessage): void {
    if (this.#over) return;
    try {
      this.#write(message.type, encodeControlMessage(message));
    } catch (error) {
      this.logger.error('a frame could not be sent', { type: message.type, error });
      this.close(CLOSE.internal);
    }
  }

  #write(type: string, frame: EncodedFrame): void {
    const { socket, observer } = this.#options;
    if (this.#over) return;
    socket.send(frame.text);
    observer.frameSent?.(type, frame.bytes);
    if (socket.bufferedBytes <= MOST_BUFFERED_BYTES) return;
    this.#ended(CLOSE.silence.code, 'the agent does not read what it is sent');
    socket.terminate();
  }

  #dispatch(event: SessionEvent, bytes: number): void {
    const { handler, observer } = this.#options;
    switch (event.kind) {
      case 'hello':
        this.#hello = event.hello;
        handler.hello(this, event.hello);
        break;
      case 'run':
        handler.run(this, event.message, bytes);
        break;
      case 'report':
        handler.report(this, event, bytes);
        break;
      case 'reported':
        handler.reported(this);
        break;
      case 'slots':
      case 'draining':
        handler.changed(this);
        break;
      case 'log':
        this.#logs.receive(event.message);
        break;
      case 'secretsChecked':
        this.#checks.receive(event.message);
        break;
      case 'ignored':
        observer.ignored?.(event.reason);
        break;
    }
  }

  #arm(): void {
    if (this.#over) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(Math.max(0, this.#session.nextTickAt - clock.monotonic()), () => {
      this.#perform(this.#session.tick(clock.monotonic()), 0);
      this.#arm();
    });
  }

  #ended(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#session.over();
    this.#logs.endAll();
    this.#checks.endAll();
    this.#options.handler.closed(this, code, reason);
  }
}
