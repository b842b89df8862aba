import { describe, expect, it } from 'vitest';
import type { AgentStatus } from '@runner/agent/agent';
import type { Welcome } from '@runner/protocol';
import { readinessOf } from '../../src/readiness.ts';

const slots = { total: 1, free: 1, types: {} };
const status = (rest: Partial<AgentStatus> = {}, dispatch: Partial<AgentStatus['dispatch']> = {}): AgentStatus => ({
  connection: 'open',
  session: session('active'),
  lastHeardAt: 1,
  trouble: undefined,
  dispatch: {
    active: true,
    epoch: 1,
    draining: false,
    slots,
    inFlight: 0,
    waiting: {},
    live: 0,
    unrecorded: 0,
    remembered: { cancels: 0, recorded: 0 },
    watch: { state: 'watching' },
    ...dispatch,
  },
  ...rest,
});
function session(role: 'active' | 'standby' | 'blocked', reason?: string): AgentStatus['session'] {
  const welcome: Welcome = {
    type: 'welcome',
    controlPlaneId: 'c',
    sessionId: 's',
    epoch: 1,
    role,
    minor: 0,
    capabilities: [],
    timings: { heartbeatMs: 15_000, silenceMs: 40_000 },
  };
  return { role, epoch: 1, reason, welcome };
}

describe('the agent is ready', () => {
  it.each([
    ['as the active instance', status(), 'active'],
    [
      'as a standby',
      status({ session: session('standby', 'another instance is active') }),
      'standby: another instance is active',
    ],
    [
      'although it is blocked, and says so',
      status({ session: session('blocked', 'scope x has open runs') }),
      'blocked: scope x has open runs',
    ],
  ])('%s', (_what, now, message) => {
    expect(readinessOf(now)).toEqual({ ready: true, message });
  });
});

describe('the agent is not ready', () => {
  it.each([
    [
      'before the executor has answered',
      status({ connection: 'starting', session: undefined }),
      /executor has not yet said/,
    ],
    [
      'without a session, and says why',
      status({ connection: 'waiting', session: undefined, trouble: 'the token expired' }),
      /no session with the control plane: the token expired/,
    ],
    [
      'while the executor cannot be watched',
      status({}, { watch: { state: 'failing', problem: { code: 'x', message: 'no disk' } } }),
      /no disk/,
    ],
    ['while it drains', status({}, { draining: true }), /draining/],
  ])('%s', (_what, now, message) => {
    const readiness = readinessOf(now);
    expect(readiness.ready).toBe(false);
    expect(readiness.message).toMatch(message);
  });
});
