import { describe, expect, it } from 'vitest';
import type { AgentStatus } from '@runner/agent/agent';
import type { Welcome } from '@runner/protocol';
import { readinessChecks } from '../../src/readiness.ts';

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
    pending: {},
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

const isReady = (now: AgentStatus): boolean => readinessChecks(now).every((check) => check.ok);
const reasons = (now: AgentStatus): string =>
  readinessChecks(now)
    .map((check) => check.reason)
    .join('; ');

describe('the agent is ready', () => {
  it.each([
    ['as the active instance', session('active'), 'active'],
    ['as a standby', session('standby', 'another instance is active'), 'standby: another instance is active'],
    [
      'although it is blocked, and says so',
      session('blocked', 'scope x has open runs'),
      'blocked: scope x has open runs',
    ],
  ])('%s', (_what, now, reason) => {
    expect(isReady(status({ session: now }))).toBe(true);
    expect(readinessChecks(status({ session: now }))[0]).toEqual({ name: 'session', ok: true, reason });
  });
});

describe('the agent is not ready', () => {
  it.each([
    [
      'before the executor has answered',
      status({ connection: 'starting', session: undefined }),
      /has not yet said where it works/,
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
    expect(isReady(now)).toBe(false);
    expect(reasons(now)).toMatch(message);
  });
});
