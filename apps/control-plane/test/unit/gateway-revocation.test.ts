import { silentLogger } from '@runner/core';
import { testClock } from '@runner/core/testing';
import type { ConnectedAgent } from '@runner/protocol/server';
import { sampleHello } from '@runner/protocol/testing';
import { describe, expect, test } from 'vitest';
import type { RunnerIdentity } from '../../src/auth/index.ts';
import { createRevocation } from '../../src/gateway/revocation.ts';
import { createTasks } from '../../src/gateway/tasks.ts';
import { memoryStore } from '../support/memory-store.ts';

function connected(agentId: string, expiresAt?: number): ConnectedAgent {
  const expiry = expiresAt === undefined ? {} : { expiresAt };
  const identity: RunnerIdentity = { subject: agentId, tokenId: `token of ${agentId}`, ...expiry };
  return {
    ...{ agentId, instanceId: agentId, sessionId: agentId, role: 'active', epoch: 1, identity },
    hello: sampleHello({ agentId }),
    ...{ connectedAt: 0, lastSeenAt: 0, draining: false },
  };
}

describe('a token that expires while its agent is connected', () => {
  test('ends that session within half a minute, and no other', async () => {
    const clock = testClock();
    const store = memoryStore(clock);
    const agents = [
      connected('short', clock.now() + 20_000),
      connected('long', clock.now() + 3_600_000),
      connected('ever'),
    ];
    const closed: string[] = [];
    const revocation = createRevocation({
      bridge: {
        connected: () => agents.filter(({ agentId }) => !closed.includes(agentId)),
        disconnect: (agentId, reason, match) => {
          const agent = agents.find((one) => one.agentId === agentId)!;
          if (match?.(agent) !== false) closed.push(agentId);
          expect(reason).toBe('revoked');
        },
      },
      tokens: store.tokens,
      runners: store.runners,
      signals: store.signals,
      tasks: createTasks(silentLogger),
      clock,
      logger: silentLogger,
    });
    const stopping = new AbortController();
    const running = revocation.run(stopping.signal);
    await clock.advance(19_000);
    expect(closed).toEqual([]);
    await clock.advance(31_000);
    expect(closed).toEqual(['short']);
    await clock.advance(120_000);
    expect(closed).toEqual(['short']);
    stopping.abort();
    await running;
  });
});
