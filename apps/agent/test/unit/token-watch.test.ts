import { describe, expect, it } from 'vitest';
import { testClock } from '@runner/core/testing';
import type { AgentStatus } from '../../src/agent.ts';
import { createTokenWatch } from '../../src/transport/token-watch.ts';

function watched() {
  const clock = testClock();
  const now = { connection: 'waiting' as AgentStatus['connection'], changed: false, retries: 0, looks: 0 };
  const component = createTokenWatch({
    clock,
    agent: { status: () => ({ connection: now.connection }) as AgentStatus, retryNow: () => void (now.retries += 1) },
    token: {
      changed: () => {
        now.looks += 1;
        return Promise.resolve(now.changed);
      },
    },
  });
  return { clock, now, component };
}

describe('a new token in the file', () => {
  it('is used within a second by an agent that waits', async () => {
    const { clock, now, component } = watched();
    await component.start?.(AbortSignal.timeout(1_000));
    await clock.advance(5_000);
    expect(now.retries).toBe(0);
    now.changed = true;
    await clock.advance(1_000);
    expect(now.retries).toBe(1);
    await component.stop?.(AbortSignal.timeout(1_000));
    expect(clock.pendingTimers).toBe(0);
  });

  it('is not looked for while there is a session', async () => {
    const { clock, now, component } = watched();
    Object.assign(now, { connection: 'open', changed: true });
    await component.start?.(AbortSignal.timeout(1_000));
    await clock.advance(5_000);
    expect([now.looks, now.retries]).toEqual([0, 0]);
    await component.stop?.(AbortSignal.timeout(1_000));
  });
});
