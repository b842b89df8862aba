import type { Clock, Logger } from '@runner/core';
import type { Bridge, BridgeObserver, ConnectedAgent } from '@runner/protocol/server';
import type { RunnerInfo, RunnerStore } from '../store/ports.ts';
import type { Tasks } from './tasks.ts';
import { repeat } from './tasks.ts';

export interface RegistrationOptions {
  readonly runners: Pick<RunnerStore, 'ensure' | 'seen' | 'seenAll'>;
  /** Closes the sockets of an agent whose runner was revoked. */
  readonly refuse: (agentId: string) => void;
  readonly connected: Bridge['connected'];
  readonly tasks: Tasks;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often "last seen" and changed slots are written, milliseconds. Default 30,000. */
  readonly everyMs?: number;
}

export interface Registration {
  readonly observer: BridgeObserver;
  /** Writes until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** Keeps the list of runners true: who connected, what the active instance says of itself, when it was last heard. */
export function createRegistration(options: RegistrationOptions): Registration {
  const { runners, tasks, clock, logger } = options;
  const changed = new Set<string>();

  const register = async (agent: ConnectedAgent): Promise<void> => {
    const runner = await runners.ensure(agent.agentId);
    if (runner.revoked) options.refuse(agent.agentId);
    else
      await runners.seen(agent.agentId, agent.lastSeenAt, ...(agent.role === 'active' ? [{ ...infoOf(agent) }] : []));
  };
  const write = async (): Promise<void> => {
    const agents = options.connected();
    const news = agents.filter((agent) => agent.role === 'active' && changed.delete(agent.agentId));
    changed.clear();
    for (const agent of news) await runners.seen(agent.agentId, agent.lastSeenAt, { ...infoOf(agent) });
    await runners.seenAll([...new Set(agents.map((agent) => agent.agentId))], clock.now());
  };

  return {
    observer: {
      connected: (agent) => tasks.run('a runner could not be registered', () => register(agent)),
      changed: (agent) => {
        changed.add(agent.agentId);
      },
      disconnected: (agent) => {
        tasks.run('the end of a session could not be noted', () => runners.seen(agent.agentId, agent.lastSeenAt));
      },
    },
    run: (signal) =>
      repeat(write, options.everyMs ?? 30_000, 'the list of runners could not be written', { clock, logger, signal }),
  };
}

function infoOf({ hello, instanceId, draining }: ConnectedAgent): RunnerInfo & { readonly draining: boolean } {
  const { agentVersion, executor, secretsManager, capabilities, scope } = hello;
  const { total, free, types } = hello.slots;
  return {
    agentVersion,
    executor,
    secretsManager,
    capabilities,
    scope,
    instanceId,
    slots: { total, free, types },
    draining,
  };
}
