import { testRandom } from '@runner/core/testing';
import type { AgentMessage, ControlMessage, WireSlots } from '@runner/protocol';
import { decodeAgentMessage } from '@runner/protocol';
import { AGENT_SAMPLES, sampleHello, sampleRunId, sampleStart } from '@runner/protocol/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerSession } from '../../src/server/session.ts';
import { FrameBucket } from '../../src/server/session/frame-rate.ts';
import { LogCredits } from '../../src/server/session/log-credits.ts';
import { StartCredit } from '../../src/server/session/start-credit.ts';
import type { Step } from '../../src/server/session/step.ts';

const timings = { heartbeatMs: 15_000, silenceMs: 40_000 };
const options = { sessionId: 's-1', controlPlaneId: 'cp', timings, random: testRandom() };
const session = () => new ServerSession(options, 1_000);
const ok = (message: AgentMessage) => ({ kind: 'ok', message }) as const;
const slots = (free: number, startsSeen: number, types: WireSlots['types'] = {}): WireSlots => ({
  total: 10,
  free,
  types,
  startsSeen,
});
const introduced = (): ServerSession => {
  const one = session();
  one.receive(ok(sampleHello({ slots: slots(3, 0) })), 1_000);
  return one;
};
const active = (): ServerSession => {
  const one = introduced();
  one.setRole('active', 4);
  return one;
};
const types = (step: Step): ControlMessage['type'][] => step.send.map((frame) => frame.type);

describe('the session', () => {
  it('wants hello first, welcomes once, and only then speaks of roles', () => {
    const one = session();
    expect(one.setRole('active', 1)).toEqual({ events: [], send: [] });
    expect(one.receive(ok(sampleHello()), 1_000).events).toMatchObject([{ kind: 'hello' }]);
    expect(types(one.setRole('standby', 3, 'another is active'))).toEqual(['welcome']);
    expect(types(one.setRole('standby', 3))).toEqual([]);
    expect(one.setRole('active', 4).send).toEqual([{ type: 'role', role: 'active', epoch: 4 }]);
  });

  it('is over after a fault: nothing comes out of it any more', () => {
    const one = active();
    expect(one.receive({ kind: 'problem', close: { ...closeCode }, reason: 'no JSON' }, 1_000).close).toBeDefined();
    expect(one.receive(ok({ type: 'ping', n: 1 }), 1_000)).toEqual({ events: [], send: [] });
    expect(one.tick(1e9)).toEqual({ events: [], send: [] });
    expect(one.startsLeft()).toBe(0);
    expect(one.tell({ type: 'cancel', runId: sampleRunId() }).send).toEqual([]);
  });

  it('answers a ping in every phase', () => {
    for (const one of [session(), introduced(), active()]) {
      expect(one.receive(ok({ type: 'ping', n: 9 }), 1_000).send).toEqual([{ type: 'pong', n: 9 }]);
    }
  });

  it('sends nothing but answers before the welcome, however long that takes', () => {
    const one = introduced();
    expect(one.tick(10_999)).toEqual({ events: [], send: [] });
    expect(one.tick(11_000).close?.code.code).toBe(4503);
    const hasty = { heartbeatMs: 100, silenceMs: 45_000 };
    const other = new ServerSession({ ...options, timings: hasty }, 1_000);
    other.receive(ok(sampleHello()), 1_000);
    expect(other.tick(5_000)).toEqual({ events: [], send: [] });
    expect(other.nextTickAt).toBe(11_000);
    other.setRole('active', 1);
    expect(types(other.tick(5_000))).toEqual(['ping']);
  });

  it('always has a next tick in the future once a tick is done', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { maxLength: 40 }), fc.boolean(), (waits, speaks) => {
        const one = active();
        let now = 1_000;
        for (const wait of waits) {
          now += wait;
          if (speaks) one.receive(ok({ type: 'pong', n: 1 }), now);
          if (one.tick(now).close !== undefined) return;
          expect(one.nextTickAt).toBeGreaterThan(now);
        }
      }),
    );
  });

  it('challenges once at a time, and any frame answers', () => {
    const one = active();
    expect(types(one.challenge(2_000))).toEqual(['ping']);
    expect(types(one.challenge(4_000))).toEqual([]);
    one.receive(ok({ type: 'slots', slots: slots(3, 0) }), 5_000);
    expect(one.tick(7_000).close).toBeUndefined();
    one.challenge(8_000);
    expect(one.tick(12_999).close).toBeUndefined();
    expect(one.tick(13_000).close?.code.code).toBe(4408);
  });

  it('forgets an unanswered level when the role changes', () => {
    const one = active();
    one.level([]);
    expect(one.levelOutstanding).toBe(true);
    one.setRole('standby', 4);
    expect(one.levelOutstanding).toBe(false);
  });

  it('tells nothing about runs and opens no log unless it is active', () => {
    const one = introduced();
    one.setRole('standby', 4);
    expect(one.level([]).send).toEqual([]);
    expect(one.tell({ type: 'discard', runId: sampleRunId() }).send).toEqual([]);
    expect(one.openLog({ runId: sampleRunId(), fromByte: 0, follow: true, credit: 1 })).toBeUndefined();
    expect(one.startsLeft()).toBe(0);
    expect(() => one.noteStart(sampleStart(), false)).toThrow(/no room/);
  });

  it('survives every frame in every order, and ends at most itself', () => {
    const frame = fc.constantFrom(...Object.values(AGENT_SAMPLES).flat());
    const command = fc.constantFrom<(one: ServerSession) => unknown>(
      (one) => one.setRole('active', 4),
      (one) => one.setRole('standby', 4),
      (one) => one.level([{ runId: sampleRunId(), want: 'run', accepted: true }]),
      (one) => one.challenge(1_000),
      (one) => one.startsLeft('metadata') > 0 && one.noteStart(sampleStart(), false),
      (one) => one.openLog({ runId: sampleRunId(), fromByte: 0, follow: true, credit: 10 }),
      (one) => one.closeLog('log-1'),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, command), { maxLength: 40 }), (inputs) => {
        const one = session();
        let over = false;
        for (const input of inputs) {
          const before = over;
          const step = typeof input === 'function' ? undefined : one.receive(read(input), 1_000);
          if (typeof input === 'function') input(one);
          if (step?.close !== undefined) over = true;
          if (before) expect(step ?? { events: [], send: [] }).toEqual({ events: [], send: [] });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

const closeCode = { code: 4400, name: 'bad_frame', sentBy: 'either', retry: 'backoff', operator: '' } as const;
const read = (message: unknown) => {
  const text = JSON.stringify(message);
  return decodeAgentMessage(text, text.length);
};

describe('credit for starts', () => {
  it('follows the example of the specification', () => {
    const one = active();
    expect(one.startsLeft()).toBe(3);
    one.noteStart(sampleStart(), false);
    one.noteStart(sampleStart(), false);
    expect(one.startsLeft()).toBe(1);
    one.receive(ok({ type: 'slots', slots: slots(2, 1) }), 1_000);
    expect(one.startsLeft()).toBe(1);
    one.receive(ok({ type: 'slots', slots: slots(3, 1) }), 1_000);
    expect(one.startsLeft()).toBe(2);
  });

  it('needs none for a workload that stands, but counts its start', () => {
    const one = active();
    one.receive(ok({ type: 'slots', slots: slots(0, 0) }), 1_000);
    one.noteStart(sampleStart(), true);
    one.receive(ok({ type: 'slots', slots: slots(1, 0) }), 1_000);
    expect(one.startsLeft()).toBe(0);
    one.receive(ok({ type: 'slots', slots: slots(1, 1) }), 1_000);
    expect(one.startsLeft()).toBe(1);
  });

  it('is bounded by the type where the type has a limit of its own', () => {
    const credit = new StartCredit(slots(5, 0, { profiler: { total: 2, free: 1 } }));
    expect([credit.of('profiler'), credit.of('metadata'), credit.total]).toEqual([1, 5, 5]);
    credit.note('profiler');
    expect([credit.of('profiler'), credit.of('metadata')]).toEqual([0, 4]);
    credit.note('metadata');
    expect(credit.update(slots(4, 1, { profiler: { total: 2, free: 0 } }))).toBe(true);
    expect([credit.of('profiler'), credit.of('metadata')]).toEqual([0, 3]);
    expect(credit.update(slots(4, 3))).toBe(false);
  });

  it('does not take a key of the prototype for a type', () => {
    expect(new StartCredit(slots(5, 0)).of('constructor')).toBe(5);
  });
});

describe('the frame bucket', () => {
  it('lets the burst pass and then the rate, over any pattern of time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { maxLength: 200 }), (waits) => {
        const bucket = new FrameBucket({ perSecond: 2, burst: 10 }, 0);
        let now = 0;
        let passed = 0;
        for (const wait of waits) {
          now += wait;
          if (bucket.take(now)) passed += 1;
          expect(passed).toBeLessThanOrEqual(10 + (now / 1_000) * 2);
        }
        expect(passed).toBeGreaterThanOrEqual(Math.min(waits.length, 10));
      }),
    );
  });
});

describe('credit for logs', () => {
  it('lets the last chunk be larger than what is left, and none after it', () => {
    const logs = new LogCredits();
    const id = logs.open('run', 10);
    expect(logs.spend(id, 'run', 9)).toBe('ok');
    expect(logs.spend(id, 'run', 65_536)).toBe('ok');
    expect(logs.spend(id, 'run', 1)).toBe('over');
    expect(logs.grant(id, 65_536)).toBe(true);
    expect(logs.spend(id, 'run', 1)).toBe('ok');
  });

  it('knows a stream by its run, and nothing after its end', () => {
    const logs = new LogCredits();
    const id = logs.open('run', 10);
    expect(logs.spend(id, 'other', 1)).toBe('unknown');
    expect(logs.end(id, 'run')).toBe('ok');
    expect(logs.spend(id, 'run', 1)).toBe('unknown');
    expect(logs.grant(id, 1)).toBe(false);
    expect(logs.close(id)).toBe(false);
  });

  it('stays small however many streams are closed and never answered', () => {
    const logs = new LogCredits();
    const first = logs.open('run', 10);
    logs.close(first);
    for (let n = 0; n < 5_000; n += 1) logs.close(logs.open('run', 10));
    expect(logs.spend(first, 'run', 1)).toBe('unknown');
    expect(logs.isFull).toBe(false);
  });
});
