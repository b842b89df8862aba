import type { Timer } from '@runner/core';
import { messageOf, silentLogger } from '@runner/core';
import { CLOSE } from '../close-codes.ts';
import type { Hello, Timings } from '../messages.ts';
import { CAPABILITIES } from '../messages.ts';
import type { Socket } from '../socket.ts';
import type { ConnectionHandler } from './connection.ts';
import { Connection } from './connection.ts';
import type { DeskOptions } from './desk.ts';
import { Desk } from './desk.ts';
import type { Duty } from './duty.ts';
import { Leases } from './leases.ts';
import type {
  AgentIdentity,
  Bridge,
  BridgeOptions,
  BusEvent,
  ConnectedAgent,
  LogPiece,
  LogReadOptions,
} from './ports.ts';
import { optional } from './record-fields.ts';
import type { SecretsAnswer } from './secret-checks.ts';

const TIMINGS: Timings = { heartbeatMs: 15_000, silenceMs: 40_000 };
const LEVEL_INTERVAL_MS = 60_000;
const LEASE_MS = 12_000;
/** After changes may have been missed, the agents are asked over this time, not all at once. */
const GAP_SPREAD_MS = 5_000;

/**
 * The server half of the protocol for any Node service: hand it authenticated sockets (`accept`) and a place to keep
 * runs (`runs`), and call `nudge` when a run was added or cancelled. Starts one timer of its own; `close` ends it.
 */
export function createBridge(options: BridgeOptions): Bridge {
  return new SocketBridge(options);
}

class SocketBridge implements Bridge {
  readonly #options: DeskOptions;
  readonly #desks = new Map<string, Desk>();
  /** Sockets that have not said hello. */
  readonly #strangers = new Set<Connection>();
  readonly #leases: Leases;
  readonly #unsubscribe: () => void;
  readonly #gapTimers = new Set<Timer>();
  #closing: Promise<void> | undefined;

  constructor(options: BridgeOptions) {
    const { logger = silentLogger, observer = {} } = options;
    const publish = (event: BusEvent): void => {
      options.bus.publish(event).catch((error: unknown) => {
        // The next level, or the end of a lease, does the same a little later.
        logger.warn('other control-plane processes could not be told', { kind: event.kind, error: messageOf(error) });
      });
    };
    this.#options = {
      ...options,
      logger,
      observer,
      leaseMs: options.leaseMs ?? LEASE_MS,
      levelIntervalMs: options.levelIntervalMs ?? LEVEL_INTERVAL_MS,
      publish,
    };
    this.#leases = new Leases({ ...this.#options, holders: () => [...this.#desks.values()].map((desk) => desk.roles) });
    this.#unsubscribe = options.bus.subscribe(
      (event) => this.#heard(event),
      () => this.#gap(),
    );
  }

  accept(socket: Socket, identity: AgentIdentity): void {
    const { clock, random, controlPlaneId, replicaId, openMetadataVersion, timings = TIMINGS } = this.#options;
    const sessionId = random.uuid();
    const connection = new Connection({
      socket,
      identity,
      replicaId,
      clock,
      observer: this.#options.observer,
      logger: this.#options.logger.child({ sessionId }),
      handler: this.#handler,
      session: {
        sessionId,
        controlPlaneId,
        timings,
        random,
        capabilities: [CAPABILITIES.checkSecrets, CAPABILITIES.exitToken],
        ...optional('openMetadataVersion', openMetadataVersion?.()),
      },
    });
    this.#strangers.add(connection);
    if (this.#closing !== undefined) connection.close(CLOSE.goingAway);
  }

  nudge(agentId: string): void {
    const desk = this.#desks.get(agentId);
    if (desk?.duty === undefined) this.#options.publish({ kind: 'runs', agentId });
    else desk.duty.requestSync();
  }

  connected(agentId?: string): readonly ConnectedAgent[] {
    const desks = agentId === undefined ? [...this.#desks.values()] : [this.#desks.get(agentId)];
    return desks
      .flatMap((desk) => desk?.connections ?? [])
      .filter((connection) => connection.welcomed)
      .flatMap((connection) => connection.view ?? []);
  }

  async *readLog(agentId: string, options: LogReadOptions): AsyncGenerator<LogPiece, void> {
    const active = this.#desks.get(agentId)?.active;
    if (active === undefined) yield { kind: 'end', rawTo: options.fromByte, reason: 'session' };
    else yield* active.logs.read(options);
  }

  async checkSecrets(agentId: string, references: readonly string[], signal: AbortSignal): Promise<SecretsAnswer> {
    const active = this.#desks.get(agentId)?.active;
    return active === undefined ? { kind: 'not_here' } : await active.checks.ask(references, signal);
  }

  disconnect(agentId: string, reason: 'revoked' | 'normal', match?: (agent: ConnectedAgent) => boolean): void {
    for (const connection of this.#desks.get(agentId)?.connections ?? []) {
      const agent = connection.view;
      if (agent !== undefined && (match === undefined || match(agent))) connection.close(CLOSE[reason]);
    }
  }

  discard(agentId: string, runId: string): void {
    this.#desks.get(agentId)?.active?.tell({ type: 'discard', runId });
  }

  close(signal?: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(signal);
    return this.#closing;
  }

  // --- inside ------------------------------------------------------------------------------------------------------------

  readonly #handler: ConnectionHandler = {
    hello: (connection, hello) => this.#introduced(connection, hello),
    run: (connection, message, bytes) => this.#dutyOf(connection)?.said(message, bytes),
    report: (connection, page, bytes) => this.#dutyOf(connection)?.report(page, bytes),
    reported: (connection) => this.#dutyOf(connection)?.reported(),
    changed: (connection) => {
      this.#dutyOf(connection)?.slotsChanged();
      const agent = connection.view;
      if (agent !== undefined && connection.welcomed) this.#options.observer.changed?.(agent);
    },
    closed: (connection, code, reason) => this.#left(connection, code, reason),
  };

  #dutyOf(connection: Connection): Duty | undefined {
    const agentId = connection.claim?.agentId;
    return agentId === undefined ? undefined : this.#desks.get(agentId)?.dutyOf(connection);
  }

  #introduced(connection: Connection, { agentId }: Hello): void {
    this.#strangers.delete(connection);
    const { agentIds } = connection.identity;
    if (agentIds !== undefined && !agentIds.includes(agentId)) {
      connection.close(CLOSE.forbidden);
      return;
    }
    let desk = this.#desks.get(agentId);
    if (desk === undefined) {
      desk = new Desk(agentId, { ...this.#options, logger: this.#options.logger.child({ agentId }) });
      this.#desks.set(agentId, desk);
    }
    desk.join(connection);
  }

  #left(connection: Connection, code: number, reason: string): void {
    this.#strangers.delete(connection);
    const agent = connection.view;
    const desk = agent === undefined ? undefined : this.#desks.get(agent.agentId);
    if (agent === undefined || desk === undefined) return;
    desk.leave(connection);
    if (connection.welcomed) this.#options.observer.disconnected?.(agent, code, reason);
    void this.#forget(desk);
  }

  /** A desk stays while anything is under way for its agent. */
  async #forget(desk: Desk): Promise<void> {
    await desk.drained();
    if (desk.empty && this.#desks.get(desk.agentId) === desk) this.#desks.delete(desk.agentId);
  }

  #heard(event: BusEvent): void {
    const desk = this.#desks.get(event.agentId);
    if (desk === undefined || this.#closing !== undefined) return;
    if (event.kind === 'runs') desk.duty?.requestSync();
    else if (event.kind === 'challenge') desk.roles.challenge();
    else desk.roles.askAgain();
  }

  /** Nobody knows what was missed, so every agent gets a level, and whoever waits asks again. */
  #gap(): void {
    for (const desk of this.#desks.values()) {
      const timer = this.#options.clock.setTimer(this.#options.random.next() * GAP_SPREAD_MS, () => {
        this.#gapTimers.delete(timer);
        desk.duty?.requestLevel();
        desk.roles.askAgain();
      });
      this.#gapTimers.add(timer);
    }
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    this.#unsubscribe();
    for (const timer of this.#gapTimers) timer.cancel();
    const desks = [...this.#desks.values()];
    for (const desk of desks) desk.roles.stop();
    const connections = [...this.#strangers, ...desks.flatMap((desk) => desk.connections)];
    for (const connection of connections) connection.close(CLOSE.goingAway);
    const done = Promise.all([this.#leases.stop(), ...desks.map((desk) => desk.drained())]);
    await Promise.race([done, aborted(signal)]);
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
