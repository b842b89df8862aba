import type { Clock, Logger } from '@runner/core';
import type { Bridge, ConnectedAgent } from '@runner/protocol/server';
import type { RunnerIdentity } from '../auth/index.ts';
import type { RunnerStore, Signals, TokenStore } from '../store/ports.ts';
import type { Tasks } from './tasks.ts';
import { repeat } from './tasks.ts';

export interface RevocationOptions {
  readonly bridge: Pick<Bridge, 'connected' | 'disconnect'>;
  readonly tokens: Pick<TokenStore, 'endedAmong'>;
  readonly runners: Pick<RunnerStore, 'revokedNames'>;
  readonly signals: Signals;
  readonly tasks: Tasks;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often open sockets are checked against the store, milliseconds. Default 30,000. */
  readonly everyMs?: number;
}

export interface Revocation {
  /** Closes these sockets here and tells the other replicas. */
  runner(agentId: string): Promise<void>;
  token(tokenId: string): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

/** A token is checked when a socket opens; this ends sockets whose token or runner was revoked, or expired, since. */
export function createRevocation(options: RevocationOptions): Revocation {
  const { bridge, signals, clock, logger } = options;
  const closeRunner = (agentId: string): void => bridge.disconnect(agentId, 'revoked');
  const closeToken = (tokenId: string): void => {
    for (const agent of bridge.connected()) {
      if (identityOf(agent).tokenId !== tokenId) continue;
      bridge.disconnect(agent.agentId, 'revoked', (other) => identityOf(other).tokenId === tokenId);
    }
  };

  const check = async (): Promise<void> => {
    const agents = bridge.connected();
    if (agents.length === 0) return;
    const now = clock.now();
    const identities = agents.map(identityOf);
    const overdue = identities.filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now);
    const ids = [...new Set(identities.map((identity) => identity.tokenId))];
    const ended = await options.tokens.endedAmong(ids, now);
    for (const id of new Set([...ended, ...overdue.map((identity) => identity.tokenId)])) closeToken(id);
    const here = new Set(agents.map((agent) => agent.agentId));
    for (const name of await options.runners.revokedNames()) if (here.has(name)) closeRunner(name);
  };

  return {
    runner: async (agentId) => {
      closeRunner(agentId);
      await signals.publish({ kind: 'revoked', agentId });
    },
    token: async (tokenId) => {
      closeToken(tokenId);
      await signals.publish({ kind: 'revoked', tokenId });
    },
    run: async (signal) => {
      const end = signals.subscribe(
        (event) => {
          if (event.kind !== 'revoked') return;
          if (event.agentId !== undefined) closeRunner(event.agentId);
          if (event.tokenId !== undefined) closeToken(event.tokenId);
        },
        () => options.tasks.run('open sockets could not be checked', check),
      );
      await repeat(check, options.everyMs ?? 30_000, 'open sockets could not be checked', { clock, logger, signal });
      end();
    },
  };
}

/** What the gateway itself handed to the bridge at the upgrade. */
function identityOf(agent: ConnectedAgent): RunnerIdentity {
  return agent.identity as RunnerIdentity;
}
