import { describe, expect, it } from 'vitest';
import { RunnerError } from '@runner/core';
import { CLOSE } from '@runner/protocol';
import {
  CONTROL_SAMPLES,
  sampleAbsent,
  sampleHello,
  samplePresent,
  sampleRunId,
  sampleWelcome,
} from '@runner/protocol/testing';
import { testAgent, welcome } from '../support/agent.ts';

const refused = (): RunnerError => new RunnerError('connect_refused', 'nothing listens there', { retryable: true });
const unauthorized = (): RunnerError => new RunnerError('connect_unauthorized', 'the token was refused');

describe('a connection', () => {
  it('introduces itself at once and is open with the welcome', async () => {
    const agent = testAgent();
    expect(agent.connection.state).toBe('connecting');
    const plane = await welcome(agent);
    expect(plane.heard).toEqual([sampleHello()]);
    expect(agent.connection.state).toBe('open');
    expect(agent.connection.session).toMatchObject({ role: 'active', epoch: 1 });
    expect(agent.connection.lastHeardAt).toBe(agent.clock.now());
    expect(agent.calls.sessions).toHaveLength(1);
  });

  it('hands every message of the control plane to its handler', async () => {
    const agent = testAgent();
    const plane = await welcome(agent);
    const { start, cancel, recorded, discard } = CONTROL_SAMPLES;
    plane.say(start, cancel, recorded, discard, CONTROL_SAMPLES['ending.ack'], CONTROL_SAMPLES['log.open']);
    plane.say(CONTROL_SAMPLES['level.begin'], CONTROL_SAMPLES['level.page'], CONTROL_SAMPLES['level.end']);
    plane.say({ type: 'role', role: 'standby', epoch: 1 });
    await agent.clock.settle();
    const runId = sampleRunId();
    expect(agent.calls).toMatchObject({
      starts: [runId],
      cancels: [runId],
      recorded: [runId],
      discarded: [runId],
      acknowledged: [runId],
      levels: [{ levelId: 'level-1', runs: [{ runId, want: 'run', accepted: true }] }],
      sessions: [{ role: 'active' }, { role: 'standby' }],
      streams: [{ streamId: 'log-1', follow: true, fromByte: 0 }],
    });
  });

  it('says what the agent says, and drops it when nobody listens', async () => {
    const agent = testAgent();
    const { link } = agent.connection;
    link.observed(samplePresent());
    const plane = await welcome(agent);
    link.accepted(sampleRunId(), true, samplePresent());
    link.ending(sampleRunId(), 'start_deadline');
    link.slots({ total: 1, free: 0, types: {} });
    plane.say(CONTROL_SAMPLES['level.begin'], { ...CONTROL_SAMPLES['level.end'], total: 0 });
    await agent.clock.settle();
    link.report('level-1', [sampleAbsent()]);
    await agent.clock.settle();
    expect(plane.heard.map(({ type }) => type)).toEqual([
      'hello',
      'accepted',
      'ending',
      'slots',
      'report.begin',
      'report.page',
      'report.end',
    ]);
    plane.wire.cut('both');
    await agent.clock.settle();
    link.cancelled(sampleRunId());
    link.report('level-1', []);
    expect(agent.ignored).toEqual(['unsent', 'unsent', 'unsent']);
  });

  it('closes with 4500 when a handler fails, and says so without the content', async () => {
    const agent = testAgent({
      handlers: {
        session: () => undefined,
        disconnected: () => {
          throw new Error('in disconnected');
        },
        start: () => {
          throw new Error('in start');
        },
        cancel: () => undefined,
        level: () => undefined,
        endingAcknowledged: () => undefined,
        recorded: () => undefined,
        discard: () => undefined,
        logStream: () => undefined,
      },
    });
    const plane = await welcome(agent);
    plane.say(CONTROL_SAMPLES.start);
    await agent.clock.settle();
    expect(plane.endings).toEqual([{ code: 4500, reason: 'the agent failed while it handled a frame' }]);
    expect(agent.logger.text()).toContain('in start');
    expect(agent.logger.text()).toContain('in disconnected');
    expect(agent.connection.state).toBe('waiting');
  });

  it('starts nothing it was told before a bad frame twice, and closes the session with the code', async () => {
    const agent = testAgent();
    const plane = await welcome(agent);
    plane.wire.server.send('{"type":"cancel","epoch":1,"runId":"secret-marker"}');
    plane.say(CONTROL_SAMPLES.start);
    await agent.clock.settle();
    expect(plane.endings).toEqual([{ code: 4400, reason: 'cancel: runId: expected uuid' }]);
    expect(agent.calls.starts).toEqual([]);
    expect(agent.logger.text()).not.toContain('secret-marker');
  });

  it('tries slowly when its own hello cannot be said, and does not stay half open', async () => {
    const agent = testAgent({ hello: () => sampleHello({ agentId: '' }) });
    await agent.clock.settle();
    expect(agent.plane().endings).toEqual([{ code: 1006, reason: '' }]);
    expect(agent.calls.ends[0]).toMatchObject({ error: { code: 'invalid_frame' } });
    expect(agent.calls.ends[0]?.retryInMs).toBeGreaterThanOrEqual(60_000);
  });
});

describe('connecting again', () => {
  it('tells the observer what was in the way of each attempt, which closed no socket', async () => {
    const failed: string[] = [];
    const closed: number[] = [];
    const agent = testAgent({
      observer: { failed: (code) => failed.push(code), disconnected: (code) => closed.push(code) },
    });
    agent.failures.push(unauthorized(), refused());
    for (let second = 0; second < 200 && agent.planes.length === 0; second += 1) await agent.clock.advance(1_000);
    expect(failed).toEqual(['connect_unauthorized', 'connect_refused']);
    expect(closed).toEqual([]);
    agent.plane().wire.cut('both');
    await agent.clock.settle();
    expect(failed).toHaveLength(2);
    expect(closed).toEqual([1006]);
  });

  it('waits with full jitter between floor and cap, growing with each failure', async () => {
    const agent = testAgent();
    agent.failures.push(...Array.from({ length: 200 }, refused));
    await agent.clock.advance(3_600_000);
    const waits = agent.calls.ends.map(({ retryInMs = 0 }) => retryInMs);
    const uppers = [10_000, 20_000, 40_000, 60_000];
    for (const [at, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(5_000);
      expect(wait).toBeLessThanOrEqual(uppers[at] ?? 60_000);
    }
    const late = waits.slice(4);
    expect(Math.max(...late)).toBeGreaterThan(50_000);
    expect(Math.min(...late)).toBeLessThan(15_000);
    // Each attempt comes when it was announced; timers tick in whole milliseconds.
    for (const [at, wait] of waits.slice(0, 20).entries()) {
      expect((agent.dials[at + 1] ?? 0) - (agent.dials[at] ?? 0)).toBeCloseTo(wait, -1);
    }
  });

  it('takes floor and cap from its options', async () => {
    const agent = testAgent({ reconnectFloorMs: 100, reconnectCapMs: 200 });
    agent.failures.push(...Array.from({ length: 20 }, refused));
    await agent.clock.advance(3_000);
    const waits = agent.calls.ends.map(({ retryInMs = 0 }) => retryInMs);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(200);
  });

  it('keeps some jitter when the floor is above the cap', async () => {
    const agent = testAgent({ reconnectFloorMs: 120_000 });
    agent.failures.push(...Array.from({ length: 20 }, refused));
    await agent.clock.advance(2_400_000);
    const waits = new Set(agent.calls.ends.map(({ retryInMs }) => retryInMs));
    expect(waits.size).toBeGreaterThan(5);
    expect(Math.min(...[...waits].map((wait = 0) => wait))).toBeGreaterThanOrEqual(120_000);
  });

  it.each([
    ['an error that a person has to fix', 'fail'],
    ['a slow close code', 'close'],
  ])('waits for a minute or a little more after %s', async (_name, how) => {
    const agent = testAgent();
    if (how === 'fail') agent.failures.push(...Array.from({ length: 30 }, unauthorized));
    for (let n = 0; n < 30; n += 1) {
      await agent.clock.settle();
      if (how === 'close') agent.plane().wire.server.close(CLOSE.revoked.code, CLOSE.revoked.name);
      await agent.clock.settle();
      await agent.clock.advance((agent.calls.ends.at(-1)?.retryInMs ?? 0) + 1);
    }
    const waits = agent.calls.ends.map(({ retryInMs = 0 }) => retryInMs);
    expect(waits).toHaveLength(30);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(75_000);
    expect(new Set(waits).size).toBeGreaterThan(10);
  });

  it('begins with short waits again only after a session that lasted a minute', async () => {
    const agent = testAgent();
    agent.failures.push(...Array.from({ length: 6 }, refused));
    await agent.clock.advance(6 * 60_000);
    const waitAfter = async (sessionMs: number): Promise<number> => {
      const plane = await welcome(agent, { timings: { heartbeatMs: 30_000, silenceMs: 45_000 } });
      for (let ms = 0; ms < sessionMs; ms += 20_000) {
        plane.say({ type: 'ping', n: ms });
        await agent.clock.advance(Math.min(20_000, sessionMs - ms));
      }
      plane.wire.cut('both');
      await agent.clock.settle();
      const wait = agent.calls.ends.at(-1)?.retryInMs ?? 0;
      await agent.clock.advance(wait + 1);
      return wait;
    };
    const afterShort = [await waitAfter(1_000), await waitAfter(1_000), await waitAfter(1_000), await waitAfter(1_000)];
    expect(Math.max(...afterShort)).toBeGreaterThan(10_000);
    expect(await waitAfter(60_000)).toBeLessThanOrEqual(10_000);
  });

  it('tells of every end: the code with what it means, or the error, and when it tries again', async () => {
    const agent = testAgent();
    agent.failures.push(refused());
    await agent.clock.settle();
    expect(agent.calls.ends[0]).toMatchObject({ code: 1006, known: undefined, error: { code: 'connect_refused' } });
    await agent.clock.advance(10_000);
    const plane = await welcome(agent);
    plane.wire.server.close(CLOSE.goingAway.code, 'restarting');
    await agent.clock.settle();
    expect(agent.calls.ends[1]).toMatchObject({ code: 1001, reason: 'restarting', known: CLOSE.goingAway });
    expect(agent.calls.ends[1]).not.toHaveProperty('error');
  });

  it('warns once for each kind of trouble, and is quiet while the same lasts', async () => {
    const agent = testAgent();
    agent.failures.push(refused(), refused(), refused(), unauthorized(), unauthorized());
    await agent.clock.advance(600_000);
    const loud = agent.logger.records.filter(({ level }) => level === 'warn');
    expect(loud.map(({ context }) => (context['error'] as { code?: string } | undefined)?.code)).toEqual([
      'connect_refused',
      'connect_unauthorized',
      undefined,
    ]);
  });

  it('ends a session that is not welcomed within 10 s', async () => {
    const agent = testAgent();
    await agent.clock.advance(10_000);
    expect(agent.calls.ends[0]).toMatchObject({ code: 4408, reason: 'no welcome in time' });
    expect(agent.plane().endings[0]?.code).toBe(4408);
  });

  it('survives a dial that fails in any way', async () => {
    const agent = testAgent({
      dial: () => {
        throw new TypeError('broken at once');
      },
    });
    await agent.clock.settle();
    expect(agent.calls.ends[0]).toMatchObject({ error: { code: 'connect_failed' } });
    expect(agent.connection.state).toBe('waiting');
  });

  it('leaves no timer behind for a session that has ended', async () => {
    const agent = testAgent();
    const plane = await welcome(agent);
    plane.say(CONTROL_SAMPLES['log.open']);
    await agent.clock.settle();
    plane.wire.cut('both');
    await agent.clock.settle();
    // The wait before the next attempt is the only one.
    expect(agent.clock.pendingTimers).toBe(1);
    expect(agent.calls.streams[0]?.signal.aborted).toBe(true);
  });
});

describe('an agent that need not wait any longer', () => {
  it('dials at once, and waits again when that fails', async () => {
    const agent = testAgent();
    agent.failures.push(unauthorized(), unauthorized(), unauthorized());
    await agent.clock.settle();
    expect(agent.connection.state).toBe('waiting');
    agent.connection.retryNow();
    agent.connection.retryNow();
    await agent.clock.settle();
    expect(agent.dials).toHaveLength(2);
    expect([agent.connection.state, agent.clock.pendingTimers]).toEqual(['waiting', 1]);
  });

  it('is left alone while it is connected, and when it is closed', async () => {
    const agent = testAgent();
    await welcome(agent);
    agent.connection.retryNow();
    const closing = agent.connection.close();
    agent.connection.retryNow();
    await agent.clock.advance(1_000);
    await closing;
    agent.connection.retryNow();
    await agent.clock.settle();
    expect(agent.dials).toHaveLength(1);
  });
});

describe('closing for good', () => {
  it('says draining, closes with 1000 once that has left, and never connects again', async () => {
    const agent = testAgent();
    const plane = await welcome(agent);
    plane.wire.hold();
    let isClosed = false;
    const closing = agent.connection.close().then(() => (isClosed = true));
    expect(agent.connection.close()).toBe(agent.connection.close());
    await agent.clock.advance(3_000);
    expect([isClosed, plane.endings]).toEqual([false, []]);
    plane.wire.release();
    await agent.clock.advance(100);
    await closing;
    await agent.connection.closed;
    expect(plane.heard.at(-1)).toEqual({ type: 'draining' });
    expect(plane.endings).toEqual([{ code: 1000, reason: 'the agent is stopping' }]);
    expect(agent.connection.state).toBe('closed');
    await agent.clock.advance(600_000);
    expect(agent.dials).toHaveLength(1);
    expect(agent.clock.pendingTimers).toBe(0);
  });

  it('does not wait any longer once the signal is aborted', async () => {
    const agent = testAgent();
    const plane = await welcome(agent);
    plane.wire.hold();
    const hurry = new AbortController();
    const closing = agent.connection.close(hurry.signal);
    await agent.clock.advance(1_000);
    hurry.abort();
    await agent.clock.settle();
    await closing;
    expect(agent.connection.state).toBe('closed');
  });

  it('is at once while it waits for the next attempt, and while it dials', async () => {
    const waiting = testAgent();
    waiting.failures.push(refused());
    await waiting.clock.settle();
    await waiting.connection.close();
    expect(waiting.clock.pendingTimers).toBe(0);

    let aborted = false;
    const dialing = testAgent({
      dial: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new RunnerError('aborted', 'stop'));
          });
        }),
    });
    await dialing.clock.settle();
    await dialing.connection.close();
    await dialing.clock.advance(600_000);
    expect([aborted, dialing.calls.ends, dialing.connection.state]).toEqual([true, [], 'closed']);
  });

  it('cuts a socket that opens too late', async () => {
    const late = testAgent();
    const closing = late.connection.close();
    await late.clock.settle();
    await closing;
    for (const plane of late.planes) expect(plane.endings).toEqual([{ code: 1006, reason: '' }]);
    expect(late.calls.sessions).toEqual([]);
  });

  it('repeats draining after the next welcome, when the session was lost meanwhile', async () => {
    const agent = testAgent();
    const first = await welcome(agent);
    agent.connection.link.draining();
    await agent.clock.settle();
    expect(first.heard.at(-1)).toEqual({ type: 'draining' });
    first.wire.cut('both');
    await agent.clock.advance(10_000);
    const second = await welcome(agent, { sessionId: 'session-2' });
    expect(second.heard.map(({ type }) => type)).toEqual(['hello', 'draining']);
  });
});

describe('a connection that is half open', () => {
  it.each(['client', 'server', 'both'] as const)('is noticed within 45 s when nothing reaches the %s', async (dead) => {
    const agent = testAgent();
    const plane = await welcome(agent, sampleWelcome({ timings: { heartbeatMs: 15_000, silenceMs: 40_000 } }));
    // The other side pings, as long as it hears something itself.
    const beat = async (seconds: number): Promise<void> => {
      for (let s = 0; s < seconds && agent.calls.ends.length === 0; s += 1) {
        if (s % 15 === 0) plane.say({ type: 'ping', n: s });
        await agent.clock.advance(1_000);
      }
    };
    await beat(120);
    expect(agent.calls.ends).toEqual([]);
    plane.wire.halfOpen(dead);
    const since = agent.clock.monotonic();
    // What is sent towards the server vanishes: it goes silent for the server, which then stops talking.
    if (dead === 'server') plane.wire.halfOpen('client');
    await beat(60);
    expect(agent.calls.ends[0]).toMatchObject({ code: 4408 });
    expect(agent.clock.monotonic() - since).toBeLessThanOrEqual(45_000);
    expect(agent.connection.state).toBe('waiting');
  });

  it('is neither invented nor overlooked when the wall clock jumps', async () => {
    const agent = testAgent();
    const plane = await welcome(agent);
    agent.clock.stepWall(86_400_000);
    await agent.clock.advance(20_000);
    expect(agent.calls.ends).toEqual([]);
    plane.say({ type: 'ping', n: 1 });
    await agent.clock.settle();
    agent.clock.stepWall(-2 * 86_400_000);
    plane.wire.halfOpen('client');
    await agent.clock.advance(40_000);
    expect(agent.calls.ends).toMatchObject([{ code: 4408 }]);
  });
});
