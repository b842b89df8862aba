import { messageOf } from '@runner/core';
import type { Connection } from './connection.ts';
import { Duty } from './duty.ts';
import type { BridgeOptions, BusEvent } from './ports.ts';
import { Roles } from './roles.ts';
import { WorkQueue } from './work-queue.ts';

/** Options of the bridge with every default filled in. */
export type DeskOptions = BridgeOptions &
  Required<Pick<BridgeOptions, 'logger' | 'observer' | 'leaseMs' | 'levelIntervalMs'>> & {
    readonly publish: (event: BusEvent) => void;
  };

/** What may wait for the store on behalf of one agent. Beyond it the session is closed, and a level repairs it. */
const MOST_JOBS = 5_000;
const MOST_BYTES = 32 * 1_048_576;

/** Everything about one agentId in this process: its sockets, who of them is active, and the work done for that one. */
export class Desk {
  readonly agentId: string;
  readonly roles: Roles;
  readonly #options: DeskOptions;
  readonly #queue: WorkQueue;
  readonly #connections = new Set<Connection>();
  #duty: Duty | undefined;

  constructor(agentId: string, options: DeskOptions) {
    const { logger, observer } = options;
    this.agentId = agentId;
    this.#options = options;
    this.#queue = new WorkQueue({
      maxJobs: MOST_JOBS,
      maxBytes: MOST_BYTES,
      failed: (error) => logger.error('work for an agent failed', { agentId, error: messageOf(error) }),
    });
    this.roles = new Roles({
      ...options,
      agentId,
      activeChanged: (connection) => this.#setDuty(connection),
      roleChanged: (connection, first) => {
        const agent = connection.view;
        if (agent === undefined) return;
        if (first) observer.connected?.(agent);
        else observer.changed?.(agent);
      },
    });
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  get active(): Connection | undefined {
    return this.roles.active;
  }

  /** Nothing is left to remember. */
  get empty(): boolean {
    return this.#connections.size === 0 && this.roles.empty && this.#queue.idle;
  }

  /** Of this connection, if it is the active one. */
  dutyOf(connection: Connection): Duty | undefined {
    return this.roles.active === connection ? this.#duty : undefined;
  }

  get duty(): Duty | undefined {
    return this.#duty;
  }

  join(connection: Connection): void {
    this.#connections.add(connection);
    this.roles.join(connection);
  }

  leave(connection: Connection): void {
    this.#connections.delete(connection);
    this.roles.leave(connection);
  }

  /** Resolves when nothing is under way for this agent any more. */
  async drained(): Promise<void> {
    await Promise.all([this.#queue.drained(), this.roles.drained()]);
  }

  #setDuty(connection: Connection | undefined): void {
    this.#duty?.stop();
    this.#duty = undefined;
    const scopeId = connection?.claim?.scopeId;
    if (connection === undefined || scopeId === undefined) return;
    this.#duty = new Duty({
      ...this.#options,
      agentId: this.agentId,
      scopeId,
      connection,
      queue: this.#queue,
      holds: () => this.roles.holds(connection),
    });
  }
}
