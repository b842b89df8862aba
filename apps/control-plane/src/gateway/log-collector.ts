import type { Clock, Logger, Random, Timer } from '@runner/core';
import { backoffDelay, isAbort, isRunnerError } from '@runner/core';
import type { BridgeObserver, ConnectedAgent, RunRecord } from '@runner/protocol/server';
import type { RunStore } from '../store/ports.ts';
import type { CollectionDeps } from './run-collection.ts';
import { collectRun } from './run-collection.ts';
import type { Tasks } from './tasks.ts';

export interface LogCollectorOptions extends CollectionDeps {
  readonly uncollected: RunStore['uncollected'];
  readonly tasks: Tasks;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Logs of one agent read at once. Default 100: the others wait for their turn. */
  readonly atOnce?: number;
  /** How often the store is asked for runs that nobody told about, milliseconds. Default 300,000, jittered ± 20 %. */
  readonly lookEveryMs?: number;
}

export interface LogCollector {
  readonly observer: BridgeObserver;
  /** Ends all reading; what was read is stored. */
  stop(): void;
}

const RETRY = { floorMs: 1_000, capMs: 60_000 };
/** An ended run whose log could not be read by then is given up. */
const GIVE_UP_MS = 24 * 3_600_000;
const MOST_RETRIES = 10;
const PAGE = 1_000;

/**
 * Follows the logs of accepted runs, from the process that holds the agent's active session. What the session interrupts
 * goes on in the next one, from the byte where the store ends.
 */
export function createLogCollector(options: LogCollectorOptions): LogCollector {
  const agents = new Map<string, AgentLogs>();

  const sessionOf = (agent: ConnectedAgent): void => {
    if (agent.role !== 'active') {
      endOf(agent);
      return;
    }
    const current = agents.get(agent.agentId);
    if (current?.sessionId === agent.sessionId) return;
    current?.end();
    const logs = new AgentLogs(agent.agentId, agent.sessionId, options);
    agents.set(agent.agentId, logs);
    logs.look();
  };
  const endOf = (agent: ConnectedAgent): void => {
    const current = agents.get(agent.agentId);
    if (current?.sessionId !== agent.sessionId) return;
    agents.delete(agent.agentId);
    current.end();
  };

  return {
    observer: {
      connected: sessionOf,
      changed: sessionOf,
      disconnected: endOf,
      runChanged: (before, after) => {
        if (after.accepted && before?.accepted !== true) agents.get(after.agentId)?.want(after.runId);
      },
    },
    stop: () => {
      for (const logs of agents.values()) logs.end();
      agents.clear();
    },
  };
}

/** The logs of one agent during one session. */
class AgentLogs {
  readonly sessionId: string;
  readonly #agentId: string;
  readonly #options: LogCollectorOptions;
  readonly #over = new AbortController();
  /** Waiting for their turn, in order of arrival. */
  readonly #queue = new Set<string>();
  readonly #reading = new Set<string>();
  /** Waiting for another attempt. */
  readonly #retries = new Map<string, { readonly failures: number; readonly timer: Timer | undefined }>();
  #nextLook: Timer | undefined;

  constructor(agentId: string, sessionId: string, options: LogCollectorOptions) {
    this.#agentId = agentId;
    this.sessionId = sessionId;
    this.#options = options;
  }

  /** Asks the store which runs have a log that is not complete: those of an earlier session, and those whose start nobody told. */
  look(): void {
    const { tasks, uncollected, clock, random, lookEveryMs = 300_000 } = this.#options;
    if (this.#over.signal.aborted) return;
    tasks.run('the store could not say which logs are missing', async () => {
      try {
        const runs: readonly RunRecord[] = await uncollected(this.#agentId, clock.now() - GIVE_UP_MS, PAGE);
        for (const { runId } of runs) this.want(runId);
      } finally {
        const delay = lookEveryMs * (0.8 + 0.4 * random.next());
        if (!this.#over.signal.aborted) this.#nextLook = clock.setTimer(delay, () => this.look());
      }
    });
  }

  want(runId: string): void {
    if (this.#over.signal.aborted || this.#reading.has(runId)) return;
    if (this.#retries.get(runId)?.timer !== undefined) return;
    this.#queue.add(runId);
    this.#pump();
  }

  end(): void {
    this.#over.abort();
    this.#nextLook?.cancel();
    for (const { timer } of this.#retries.values()) timer?.cancel();
    this.#queue.clear();
  }

  #pump(): void {
    const { atOnce = 100, tasks } = this.#options;
    for (const runId of this.#queue) {
      if (this.#reading.size >= atOnce) return;
      this.#queue.delete(runId);
      this.#reading.add(runId);
      tasks.run('a log could not be collected', async () => {
        try {
          await this.#read(runId);
        } finally {
          this.#reading.delete(runId);
          this.#pump();
        }
      });
    }
  }

  async #read(runId: string): Promise<void> {
    try {
      const collected = await collectRun(this.#options, this.#agentId, runId, this.#over.signal);
      if (collected === 'complete') this.#retries.delete(runId);
      else if (collected === 'later') this.#again(runId);
    } catch (error) {
      if (isAbort(error)) return;
      // Its run was deleted meanwhile.
      if (isRunnerError(error, 'not_found')) return;
      this.#again(runId);
      throw error;
    }
  }

  #again(runId: string): void {
    const { clock, random } = this.#options;
    if (this.#over.signal.aborted) return;
    const failures = (this.#retries.get(runId)?.failures ?? 0) + 1;
    // From here on `look` brings it back, for as long as it is worth it.
    if (failures >= MOST_RETRIES) return void this.#retries.set(runId, { failures, timer: undefined });
    const timer = clock.setTimer(backoffDelay(failures - 1, RETRY, random), () => {
      this.#retries.set(runId, { failures, timer: undefined });
      this.want(runId);
    });
    this.#retries.set(runId, { failures, timer });
  }
}
