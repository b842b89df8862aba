import { describe, expect, it } from 'vitest';
import { testClock, testRandom } from '@runner/core/testing';
import { CLOSE, encodeControlMessage } from '@runner/protocol';
import type { AgentHandlers } from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import type { MemoryWire } from '@runner/protocol/memory';
import { memoryWire } from '@runner/protocol/memory';
import { sampleHello, sampleWelcome } from '@runner/protocol/testing';

const AGENTS = 1_000;
const SIGN_OF_LIFE = encodeControlMessage({ type: 'pong', n: 0 }).text;
const NOTHING = (): undefined => undefined;
const HANDLERS: AgentHandlers = {
  session: NOTHING,
  disconnected: NOTHING,
  start: NOTHING,
  cancel: NOTHING,
  level: NOTHING,
  endingAcknowledged: NOTHING,
  recorded: NOTHING,
  discard: NOTHING,
  logStream: NOTHING,
};

describe('a thousand agents that lose the same server at the same moment', () => {
  it('come back spread over seconds, again and again while it is away, and all of them once it is there', async () => {
    const clock = testClock();
    const dials: number[] = [];
    const wires = new Set<MemoryWire>();
    let isUp = true;
    const dial = (): Promise<MemoryWire['client']> => {
      dials.push(clock.monotonic());
      if (!isUp) return Promise.reject(new Error('the server is away'));
      const wire = memoryWire({ clock });
      wires.add(wire);
      wire.server.listen({
        message: (text = '') => {
          if (text.includes('"ping"')) wire.server.send(SIGN_OF_LIFE);
        },
        closed: () => wires.delete(wire),
      });
      wire.server.send(encodeControlMessage(sampleWelcome()).text);
      return Promise.resolve(wire.client);
    };
    const agents = Array.from({ length: AGENTS }, (_, n) =>
      connect({ dial, hello: () => sampleHello(), handlers: HANDLERS, clock, random: testRandom(n + 1) }),
    );
    await clock.settle();
    expect(wires.size).toBe(AGENTS);

    isUp = false;
    dials.length = 0;
    for (const wire of [...wires]) wire.server.close(CLOSE.goingAway.code, CLOSE.goingAway.name);
    await clock.advance(120_000);
    isUp = true;
    await clock.advance(60_000);

    expect(agents.filter(({ state }) => state === 'open')).toHaveLength(AGENTS);
    const perSecond = new Map<number, number>();
    for (const at of dials) perSecond.set(Math.floor(at / 1_000), (perSecond.get(Math.floor(at / 1_000)) ?? 0) + 1);
    // The first attempts fall evenly into 5 to 10 s: 200 a second on average.
    expect(Math.min(...dials)).toBeGreaterThanOrEqual(5_000);
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(260);
    expect(Math.max(...[...perSecond].filter(([second]) => second >= 30).map(([, count]) => count))).toBeLessThan(100);

    for (const agent of agents) void agent.close();
    await clock.advance(1_000);
    expect(agents.every(({ state }) => state === 'closed')).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
