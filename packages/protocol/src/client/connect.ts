import type { Clock, Logger, Timer } from '@runner/core';
import { backoffDelay, isAbort, isRunnerError, messageOf, silentLogger } from '@runner/core';
import type { CloseCode } from '../close-codes.ts';
import { CLOSE, closeCode } from '../close-codes.ts';
import { protocolError } from '../errors.ts';
import type { Socket } from '../socket.ts';
import { agentLink } from './link.ts';
import { LiveSession } from './live-session.ts';
import type { AgentConnection, AgentLink, ConnectOptions, ConnectionState, SessionEnd, SessionInfo } from './ports.ts';
import type { AgentStatement } from './statement.ts';

const DEFAULT_FLOOR_MS = 5_000;
const DEFAULT_CAP_MS = 60_000;
/** Without any width there would be no jitter. */
const LEAST_CAP_FACTOR = 1.5;
/** Where a person has to act first there is no hurry. */
const SLOW_MS = 60_000;
const SLOW_JITTER = 0.25;
const DRAIN_POLL_MS = 10;
const BROKEN = 1006;

/**
 * Keeps an agent connected until it is closed: dials, runs the session, backs off with full jitter, dials again. The
 * back-off starts over once a session has lasted as long as the cap.
 */
export function connect(options: ConnectOptions): AgentConnection {
  const connection = new Connection(options);
  connection.dial();
  return connection;
}

class Connection implements AgentConnection {
  readonly link: AgentLink;
  readonly closed: Promise<void>;
  readonly #options: ConnectOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  #state: ConnectionState = 'connecting';
  #live: LiveSession | undefined;
  #attempt = 0;
  #openedAt: number | undefined;
  #lastHeardAt: number | undefined;
  #isDraining = false;
  #lastTrouble: number | string | undefined;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;
  #resolveClosed: () => void = () => undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.link = agentLink({
      say: (statement) => this.#say(statement),
      report: (levelId, observations) => {
        if (this.#live === undefined) options.observer?.ignored?.('unsent');
        else this.#live.report(levelId, observations);
      },
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get session(): SessionInfo | undefined {
    return this.#live?.machine.info;
  }

  get lastHeardAt(): number | undefined {
    return this.#live?.heardAt ?? this.#lastHeardAt;
  }

  dial(): void {
    this.#state = 'connecting';
    this.#openedAt = undefined;
    this.#options.observer?.connecting?.(this.#attempt);
    Promise.resolve()
      .then(() => this.#options.dial(this.#stopping.signal))
      .then((socket) => this.#begin(socket))
      .catch((error: unknown) => this.#failed(error));
  }

  retryNow(): void {
    if (this.#state !== 'waiting' || this.#stopping.signal.aborted) return;
    this.#timer?.cancel();
    this.dial();
  }

  close(signal?: AbortSignal): Promise<void> {
    this.#closing ??= this.#shutDown(signal);
    return this.#closing;
  }

  #say(statement: AgentStatement): void {
    if (statement.type === 'draining') this.#isDraining = true;
    if (this.#live === undefined) this.#options.observer?.ignored?.('unsent');
    else this.#live.say(statement);
  }

  #begin(socket: Socket): void {
    if (this.#stopping.signal.aborted) {
      discard(socket);
      return;
    }
    let live: LiveSession;
    try {
      live = new LiveSession(socket, this.#options, {
        announced: (info) => this.#announced(info),
        ended: (code, reason) => this.#ended(code, reason),
      });
    } catch (error) {
      discard(socket);
      throw error;
    }
    this.#live = live;
    try {
      live.begin();
    } catch (error) {
      this.#live = undefined;
      live.abandon();
      throw error;
    }
  }

  #announced(info: SessionInfo): void {
    const { role, epoch, reason, welcome } = info;
    if (this.#openedAt === undefined) {
      this.#openedAt = this.#clock.monotonic();
      this.#state = 'open';
      this.#lastTrouble = undefined;
      if (this.#isDraining) this.#live?.say({ type: 'draining' });
    }
    const { controlPlaneId, sessionId } = welcome;
    this.#logger.info('in session with the control plane', { role, epoch, reason, controlPlaneId, sessionId });
    this.#options.observer?.connected?.(role);
  }

  #ended(code: number, reason: string): void {
    this.#lastHeardAt = this.lastHeardAt;
    this.#live = undefined;
    const lasted = this.#openedAt === undefined ? 0 : this.#clock.monotonic() - this.#openedAt;
    if (lasted >= this.#capMs()) this.#attempt = 0;
    const known = closeCode(code);
    this.#options.observer?.disconnected?.(code);
    this.#next({ code, reason, known }, known?.retry ?? 'backoff');
  }

  /** The socket could not be opened, or the hello could not be said. */
  #failed(thrown: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const error = isRunnerError(thrown)
      ? thrown
      : protocolError('connect_failed', messageOf(thrown), { cause: thrown });
    this.#options.observer?.failed?.(error.code);
    this.#next({ code: BROKEN, reason: error.message, known: undefined, error }, error.retryable ? 'backoff' : 'slow');
  }

  #next(end: SessionEnd, retry: CloseCode['retry']): void {
    if (this.#stopping.signal.aborted) {
      this.#tell(end);
      return;
    }
    if (retry === 'no') {
      this.#state = 'closed';
      this.#tell(end);
      this.#resolveClosed();
      return;
    }
    const retryInMs = this.#delay(retry);
    this.#attempt += 1;
    this.#state = 'waiting';
    this.#timer = this.#clock.setTimer(retryInMs, () => this.dial());
    this.#tell({ ...end, retryInMs });
  }

  #delay(retry: 'backoff' | 'slow'): number {
    const { random, reconnectFloorMs: floorMs = DEFAULT_FLOOR_MS } = this.#options;
    if (retry === 'slow') return SLOW_MS * (1 + SLOW_JITTER * random.next());
    return backoffDelay(this.#attempt, { floorMs, capMs: this.#capMs() }, random);
  }

  #capMs(): number {
    const { reconnectFloorMs = DEFAULT_FLOOR_MS, reconnectCapMs = DEFAULT_CAP_MS } = this.#options;
    return Math.max(reconnectCapMs, reconnectFloorMs * LEAST_CAP_FACTOR);
  }

  #tell(end: SessionEnd): void {
    this.#log(end);
    try {
      this.#options.handlers.disconnected(end);
    } catch (error) {
      this.#logger.error('the agent failed while it was told that the session ended', { error });
    }
  }

  /** Loud once for each kind of trouble in an outage, quiet when the same repeats. */
  #log({ code, reason, known, error, retryInMs }: SessionEnd): void {
    const trouble: string | number = error?.code ?? code;
    const facts = { code, reason, operator: known?.operator, error, retryInMs };
    if (this.#stopping.signal.aborted) this.#logger.info('the session with the control plane has ended', facts);
    else if (trouble === this.#lastTrouble) this.#logger.debug('still no session with the control plane', facts);
    else this.#logger.warn('no session with the control plane', facts);
    this.#lastTrouble = trouble;
  }

  async #shutDown(signal?: AbortSignal): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    const live = this.#live;
    if (live !== undefined) {
      if (live.machine.isOpen && !this.#isDraining) live.say({ type: 'draining' });
      await this.#untilSent(live, signal);
      live.close(CLOSE.normal, 'the agent is stopping');
      const cut = (): void => live.cut();
      if (signal?.aborted === true) cut();
      signal?.addEventListener('abort', cut, { once: true });
      await live.gone;
      signal?.removeEventListener('abort', cut);
    }
    this.#state = 'closed';
    this.#resolveClosed();
  }

  async #untilSent(live: LiveSession, signal?: AbortSignal): Promise<void> {
    while (this.#live === live && live.bufferedBytes > 0 && signal?.aborted !== true) {
      await this.#clock.sleep(DRAIN_POLL_MS, signal).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
    }
  }
}

/** A socket nobody needs any more. */
function discard(socket: Socket): void {
  socket.listen({ message: () => undefined, closed: () => undefined });
  socket.terminate();
}
