import { describe, expect, it } from 'vitest';
import { testRandom } from '@runner/core/testing';
import { LIMITS } from '@runner/protocol';
import type { SessionEffect, SessionEvent } from '@runner/protocol/client';
import { ClientSession, WELCOME_TIMEOUT_MS } from '@runner/protocol/client';
import {
  CONTROL_SAMPLES,
  sampleAbsent,
  sampleEnded,
  sampleHello,
  samplePresent,
  sampleRunId,
  sampleSlots,
  sampleStart,
  sampleWelcome,
} from '@runner/protocol/testing';
import { framesIn, hear, inShort, sessionIn } from '../support/client-session.ts';

const eventsIn = (effects: readonly SessionEffect[]): SessionEvent[] =>
  effects.flatMap((effect) => (effect.kind === 'event' ? [effect.event] : []));
const start = (n: number, epoch = 1): Parameters<typeof hear>[1] => ({
  type: 'start',
  epoch,
  run: sampleStart({ runId: sampleRunId(n) }),
});

describe('greeting', () => {
  it('introduces the agent with its version, its slots and no starts seen', () => {
    const hello = sampleHello({ slots: sampleSlots({ free: 3 }) });
    const session = new ClientSession({ hello, random: testRandom(), at: 0 });
    expect(framesIn(session.begin())).toEqual([{ ...hello, minor: 0, slots: { ...hello.slots, startsSeen: 0 } }]);
  });

  it('ends with 4408 when no welcome comes within 10 s, and not before', () => {
    const session = sessionIn('greeting');
    expect(session.nextTickAt).toBe(WELCOME_TIMEOUT_MS);
    hear(session, { type: 'ping', n: 1 }, 9_000);
    expect(session.tick(9_999)).toEqual([]);
    expect(inShort(session.tick(10_000))).toEqual(['close 4408']);
  });

  it('ends with 4406 when the control plane wants a version it does not speak', () => {
    expect(inShort(hear(sessionIn('greeting'), sampleWelcome({ minor: 1 })))).toEqual(['close 4406']);
  });

  it('tells role, epoch and reason', () => {
    const welcome = sampleWelcome({ role: 'blocked', epoch: 9, reason: 'Another scope has open runs.' });
    const session = sessionIn('greeting');
    expect(eventsIn(hear(session, welcome))).toEqual([
      { kind: 'session', info: { role: 'blocked', epoch: 9, reason: 'Another scope has open runs.', welcome } },
    ]);
    expect(session.info?.role).toBe('blocked');
  });
});

describe('epochs', () => {
  it('ends with 4400 when something is said under a promotion that it was never told of', () => {
    const session = sessionIn('active');
    const { discard } = CONTROL_SAMPLES;
    expect(inShort(hear(session, { ...discard, epoch: 6 }))).toEqual(['ignored unknown_epoch', 'close 4400']);
    expect(session.isOpen).toBe(false);
  });

  it('ignores what was said under an older epoch, and acknowledges a start all the same', () => {
    const session = sessionIn('active');
    hear(session, { type: 'role', role: 'active', epoch: 5 });
    expect(inShort(hear(session, { ...CONTROL_SAMPLES.cancel, epoch: 4 }))).toEqual(['ignored stale_epoch']);
    expect(inShort(hear(session, { type: 'role', role: 'standby', epoch: 4 }))).toEqual(['ignored stale_epoch']);
    const late = hear(session, start(1, 4));
    expect(inShort(late)).toEqual(['ignored stale_epoch', 'send slots']);
    expect(framesIn(late)).toMatchObject([{ slots: { startsSeen: 1 } }]);
  });

  it('puts the current epoch on whatever is said', () => {
    const session = sessionIn('active');
    hear(session, { type: 'role', role: 'active', epoch: 7 });
    expect(framesIn(session.say({ type: 'observed', observation: samplePresent() }))).toMatchObject([{ epoch: 7 }]);
  });
});

describe('what an agent says', () => {
  const observation = samplePresent();
  const runId = sampleRunId();

  it('reaches the control plane while the instance is active', () => {
    const session = sessionIn('active');
    const said = [
      session.say({ type: 'accepted', runId, created: true, observation }),
      session.say({ type: 'refused', runId, code: 'policy', message: 'no' }),
      session.say({ type: 'waiting', runId, code: 'quota', message: 'not now', hint: 'wait' }),
      session.say({ type: 'cancelled', runId }),
      session.say({ type: 'observed', observation }),
      session.say({ type: 'ending', runId, reason: 'start_deadline' }),
    ];
    expect(said.flatMap(framesIn)).toEqual([
      { type: 'accepted', epoch: 1, runId, created: true, observation },
      { type: 'refused', epoch: 1, runId, code: 'policy', message: 'no' },
      { type: 'waiting', epoch: 1, runId, code: 'quota', message: 'not now', hint: 'wait' },
      { type: 'cancelled', epoch: 1, runId },
      { type: 'observed', epoch: 1, observation },
      { type: 'ending', epoch: 1, runId, reason: 'start_deadline' },
    ]);
  });

  it.each(['greeting', 'standby', 'blocked', 'closed'] as const)('is dropped while the session is %s', (state) => {
    expect(inShort(sessionIn(state).say({ type: 'observed', observation }))).toEqual(['ignored unsent']);
    expect(inShort(sessionIn(state).report('level-1', []))).toEqual(['ignored unsent']);
  });

  it.each(['active', 'standby', 'blocked'] as const)('may be slots and the wish to leave while it is %s', (state) => {
    const session = sessionIn(state);
    expect(inShort(session.say({ type: 'slots', slots: sampleSlots() }))).toEqual(['send slots']);
    expect(inShort(session.say({ type: 'draining' }))).toEqual(['send draining']);
  });

  it('is cut where a text is too long, and left out where it cannot be said at all', () => {
    const session = sessionIn('active');
    const [refused] = framesIn(session.say({ type: 'refused', runId, code: 'x', message: 'm'.repeat(20_000) }));
    if (refused?.type !== 'refused') throw new Error('not said');
    expect(refused.message).toHaveLength(LIMITS.textLength);
    const answer = session.say({ type: 'cancelled', runId: 'not-a-uuid' });
    expect(eventsIn(answer)).toEqual([
      { kind: 'ignored', reason: 'invalid', detail: 'a cancelled frame was not sent: runId: expected uuid' },
    ]);
    expect(session.isOpen).toBe(true);
  });
});

describe('slots', () => {
  it('say how many starts were taken in, those that were ignored included', () => {
    const session = sessionIn('active');
    hear(session, start(1));
    hear(session, start(1));
    hear(session, start(2, 0));
    expect(framesIn(session.say({ type: 'slots', slots: { total: 4, free: 2, types: {} } }))).toEqual([
      { type: 'slots', slots: { total: 4, free: 2, types: {}, startsSeen: 3 } },
    ]);
  });

  it('repeat the counts last told when a start had to be ignored', () => {
    const session = sessionIn('active');
    session.say({ type: 'slots', slots: { total: 4, free: 1, types: {} } });
    hear(session, { type: 'role', role: 'standby', epoch: 1 });
    expect(framesIn(hear(session, start(1)))).toEqual([
      { type: 'slots', slots: { total: 4, free: 1, types: {}, startsSeen: 1 } },
    ]);
  });
});

describe('levels', () => {
  const page = (...numbers: number[]): Parameters<typeof hear>[1] => ({
    type: 'level.page',
    epoch: 1,
    levelId: 'level-1',
    runs: numbers.map((n) => ({ runId: sampleRunId(n), want: 'run', accepted: true })),
  });
  const end = (total: number): Parameters<typeof hear>[1] => ({ ...CONTROL_SAMPLES['level.end'], total });

  it('are told as a whole, in the order of their pages', () => {
    const session = sessionIn('between the pages of a level');
    expect(hear(session, page(1, 2)).concat(hear(session, page(3)))).toMatchObject([
      { kind: 'received' },
      { kind: 'received' },
    ]);
    const [told] = eventsIn(hear(session, end(3)));
    if (told?.kind !== 'level') throw new Error('no level');
    expect(told.level).toMatchObject({ levelId: 'level-1', epoch: 1 });
    expect(told.level.runs.map(({ runId }) => runId)).toEqual([1, 2, 3].map(sampleRunId));
  });

  it('may be empty', () => {
    const [told] = eventsIn(hear(sessionIn('between the pages of a level'), end(0)));
    expect(told).toEqual({ kind: 'level', level: { levelId: 'level-1', epoch: 1, runs: [] } });
  });

  it.each([
    ['a wrong total', end(1)],
    ['the page of another', { ...CONTROL_SAMPLES['level.page'], levelId: 'level-2' }],
    ['the end of another', { ...end(0), levelId: 'level-2' } as Parameters<typeof hear>[1]],
    ['another beginning', CONTROL_SAMPLES['level.begin']],
    ['a start', start(1)],
    ['a cancel', CONTROL_SAMPLES.cancel],
  ])('end the session with 4400 when they are interrupted by %s', (_name, message) => {
    expect(inShort(hear(sessionIn('between the pages of a level'), message))).toEqual(['close 4400']);
  });

  it('let logs, heartbeats and acknowledgements through between their pages', () => {
    const session = sessionIn('between the pages of a level');
    for (const type of ['log.open', 'ping', 'recorded', 'discard', 'ending.ack'] as const) {
      expect(inShort(hear(session, CONTROL_SAMPLES[type]))).not.toContain('close 4400');
    }
    expect(inShort(hear(session, end(0)))).toEqual(['event level']);
  });

  it('are bounded', () => {
    const session = sessionIn('between the pages of a level');
    const full = page(...Array.from({ length: LIMITS.pageRuns }, (_, n) => n));
    for (let n = 0; n < LIMITS.levelRuns / LIMITS.pageRuns; n += 1) expect(inShort(hear(session, full))).toEqual([]);
    expect(inShort(hear(session, page(1)))).toEqual(['close 4400']);
  });

  it('are void once the instance is promoted or demoted, and the rest of their pages is ignored', () => {
    const session = sessionIn('between the pages of a level');
    hear(session, { type: 'role', role: 'active', epoch: 2 });
    expect(inShort(hear(session, page(1)))).toEqual(['ignored stale_epoch']);
    expect(inShort(hear(session, start(1, 2)))).toEqual(['event start']);
    hear(session, { type: 'role', role: 'standby', epoch: 2 });
    expect(inShort(hear(session, { ...page(1), epoch: 2 } as Parameters<typeof hear>[1]))).toEqual([
      'ignored not_active',
    ]);
  });
});

describe('reports', () => {
  const withLevel = (...levelIds: string[]): ClientSession => {
    const session = sessionIn('active');
    for (const levelId of levelIds) {
      hear(session, { type: 'level.begin', epoch: 1, levelId });
      hear(session, { type: 'level.end', epoch: 1, levelId, total: 0 });
    }
    return session;
  };

  it('are sent as one block of pages that fit by count and by bytes', () => {
    const session = withLevel('level-1');
    const small = Array.from({ length: 700 }, (_, n) => sampleAbsent(sampleRunId(n)));
    const large = Array.from({ length: 20 }, (_, n) =>
      sampleEnded({ runId: sampleRunId(n), outcome: { result: 'failed', logTail: '\u0001'.repeat(60_000) } }),
    );
    const effects = session.report('level-1', [...small, ...large]);
    const frames = framesIn(effects);
    expect(frames[0]).toEqual({ type: 'report.begin', epoch: 1, levelId: 'level-1' });
    expect(frames.at(-1)).toEqual({ type: 'report.end', epoch: 1, levelId: 'level-1', total: 720 });
    const pages = frames.flatMap((frame) => (frame.type === 'report.page' ? [frame.observations] : []));
    expect(pages.length).toBe(frames.length - 2);
    expect(pages.flat()).toEqual([...small, ...large]);
    for (const effect of effects) expect(effect.kind === 'send' && effect.bytes <= LIMITS.frameBytes).toBe(true);
  });

  it('answer a level once, and only one of this session and role', () => {
    const session = withLevel('level-1', 'level-2');
    expect(inShort(session.report('level-0', []))).toEqual(['ignored unsent']);
    expect(inShort(session.report('level-1', []))).toEqual(['send report.begin', 'send report.end']);
    expect(inShort(session.report('level-1', []))).toEqual(['ignored unsent']);
    hear(session, { type: 'role', role: 'active', epoch: 2 });
    expect(inShort(session.report('level-2', []))).toEqual(['ignored unsent']);
  });

  it('leave out what cannot be said, and count what is left', () => {
    const session = withLevel('level-1');
    const effects = session.report('level-1', [samplePresent({ pipelineType: '' }), sampleAbsent()]);
    expect(inShort(effects)).toEqual(['ignored invalid', 'send report.begin', 'send report.page', 'send report.end']);
    expect(framesIn(effects).at(-1)).toMatchObject({ total: 1 });
  });

  it('need not be remembered for ever', () => {
    const session = withLevel(...Array.from({ length: 9 }, (_, n) => `level-${n}`));
    expect(inShort(session.report('level-0', []))).toEqual(['ignored unsent']);
    expect(inShort(session.report('level-1', []))).toEqual(['send report.begin', 'send report.end']);
  });
});

describe('log streams', () => {
  const open = (streamId: string): Parameters<typeof hear>[1] => ({ ...CONTROL_SAMPLES['log.open'], streamId });
  const chunk = {
    type: 'log.chunk',
    streamId: 'log-1',
    runId: sampleRunId(),
    rawFrom: 0,
    rawTo: 9,
    data: 'x',
  } as const;

  it('end the session with 4422 when there are more than 256, and with 4400 when an id is used twice', () => {
    const session = sessionIn('active');
    for (let n = 1; n <= LIMITS.logStreams; n += 1)
      expect(inShort(hear(session, open(`log-${n}`)))).toEqual(['event logOpen']);
    expect(inShort(hear(session, open('one more')))).toEqual(['close 4422']);
    const other = sessionIn('active');
    hear(other, open('log-1'));
    expect(inShort(hear(other, open('log-1')))).toEqual(['close 4400']);
  });

  it('answer a close with how far they came, and are forgotten then', () => {
    const session = sessionIn('active');
    hear(session, open('log-1'));
    session.say(chunk);
    const closed = hear(session, CONTROL_SAMPLES['log.close']);
    expect(inShort(closed)).toEqual(['send log.end', 'event logClose']);
    expect(framesIn(closed)).toMatchObject([{ reason: 'closed', rawTo: 9, runId: sampleRunId() }]);
    expect(inShort(session.say(chunk))).toEqual(['ignored unknown_stream']);
    expect(inShort(hear(session, CONTROL_SAMPLES['log.credit']))).toEqual(['ignored unknown_stream']);
    expect(inShort(hear(session, open('log-1')))).toEqual(['event logOpen']);
  });

  it('are over when the agent has ended them', () => {
    const session = sessionIn('active');
    hear(session, open('log-1'));
    const end = { type: 'log.end', streamId: 'log-1', runId: sampleRunId(), rawTo: 9, reason: 'complete' } as const;
    expect(inShort(session.say(end))).toEqual(['send log.end']);
    expect(inShort(hear(session, CONTROL_SAMPLES['log.close']))).toEqual(['ignored unknown_stream']);
  });

  it('end as unavailable when the instance loses its activity', () => {
    const session = sessionIn('active');
    hear(session, open('log-1'));
    const demoted = hear(session, { type: 'role', role: 'standby', epoch: 1 });
    expect(inShort(demoted)).toEqual(['send log.end', 'event logClose', 'event session']);
    expect(framesIn(demoted)).toMatchObject([{ reason: 'unavailable', rawTo: 0 }]);
  });
});

describe('heartbeats', () => {
  it('are sent every 15 s, give or take a fifth, and measure the way there and back', () => {
    const session = sessionIn('active');
    const sentAt: number[] = [];
    for (let at = 0; at < 300_000; at = session.nextTickAt) {
      hear(session, { type: 'ping', n: 1 }, at);
      for (const frame of framesIn(session.tick(at))) if (frame.type === 'ping') sentAt.push(at);
    }
    const gaps = sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(15);
    for (const gap of gaps) expect(Math.abs(gap - 15_000)).toBeLessThanOrEqual(3_000);
    expect(new Set(gaps).size).toBeGreaterThan(10);
  });

  it('say how long the answer took, and ignore answers to nothing', () => {
    const session = sessionIn('active');
    const at = session.nextTickAt;
    const [ping] = framesIn(session.tick(at));
    if (ping?.type !== 'ping') throw new Error('no ping');
    expect(eventsIn(hear(session, { type: 'pong', n: ping.n }, at + 42))).toEqual([{ kind: 'roundTrip', ms: 42 }]);
    expect(eventsIn(hear(session, { type: 'pong', n: ping.n }, at + 50))).toEqual([]);
    expect(eventsIn(hear(session, { type: 'pong', n: 999 }, at + 50))).toEqual([]);
  });

  it('end the session with 4408 once nothing at all was heard for 40 s', () => {
    const session = sessionIn('active');
    let ended: number | undefined;
    for (let ticks = 0; ended === undefined && ticks < 50; ticks += 1) {
      const at = session.nextTickAt;
      if (inShort(session.tick(at)).includes('close 4408')) ended = at;
    }
    expect(ended).toBe(40_000);
  });

  it('take any frame for a sign of life', () => {
    const session = sessionIn('active');
    hear(session, CONTROL_SAMPLES.recorded, 39_999);
    expect(inShort(session.tick(40_000))).not.toContain('close 4408');
    session.receive('{"type":"newer"}', 16, 70_000);
    expect(inShort(session.tick(109_999))).not.toContain('close 4408');
    expect(inShort(session.tick(110_000))).toEqual(['close 4408']);
  });
});
