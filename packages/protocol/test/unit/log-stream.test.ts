import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testClock } from '@runner/core/testing';
import { LIMITS } from '@runner/protocol';
import type { AgentStatement } from '@runner/protocol/client';
import { sampleRunId } from '@runner/protocol/testing';
import { LogStream } from '../../src/client/log-stream.ts';

function stream(credit: number, buffered = (): number => 0) {
  const clock = testClock();
  const sent: Extract<AgentStatement, { type: `log.${string}` }>[] = [];
  const log = new LogStream({
    streamId: 'log-1',
    runId: sampleRunId(),
    fromByte: 0,
    follow: true,
    credit,
    clock,
    send: (statement) => sent.push(statement),
    buffered,
  });
  const done = { count: 0 };
  const chunk = (rawFrom: number, data: string): void => {
    void log.chunk({ rawFrom, rawTo: rawFrom + data.length, data }).then(() => (done.count += 1));
  };
  const data = (): string => sent.map((one) => (one.type === 'log.chunk' ? one.data : `<${one.type}>`)).join('');
  return { clock, log, sent, chunk, done, data };
}

describe('a log stream under credit', () => {
  it('sends while the credit is above zero, and asks for the next chunk only then', async () => {
    const { clock, log, chunk, done, data } = stream(5);
    chunk(0, 'abc');
    await clock.settle();
    expect([data(), done.count]).toEqual(['abc', 1]);
    chunk(3, 'defgh');
    await clock.settle();
    // Two bytes were left: the chunk may go, the next must wait.
    expect([data(), done.count]).toEqual(['abcdefgh', 1]);
    log.grant(3);
    await clock.settle();
    expect(done.count).toBe(1);
    log.grant(1);
    await clock.settle();
    expect(done.count).toBe(2);
  });

  it('counts the bytes of a text, not its characters', async () => {
    const { clock, log, chunk, done } = stream(4);
    chunk(0, 'ääb');
    await clock.settle();
    expect(done.count).toBe(0);
    log.grant(1);
    await clock.settle();
    expect(done.count).toBe(0);
    log.grant(1);
    await clock.settle();
    expect(done.count).toBe(1);
  });

  it('holds back everything behind a chunk that waits, ends included, and keeps the order', async () => {
    const { clock, log, chunk, done, data } = stream(0);
    chunk(0, 'abc');
    log.gap(3, 9);
    log.end(9, 'complete');
    await clock.settle();
    expect([data(), done.count]).toEqual(['', 0]);
    log.grant(1);
    await clock.settle();
    expect(data()).toBe('abc<log.gap><log.end>');
    expect([done.count, log.signal.aborted]).toEqual([1, true]);
  });

  it('waits while the socket is full, without looking for ever', async () => {
    let buffered = 300_000;
    const { clock, log, chunk, done, data } = stream(1_000, () => buffered);
    chunk(0, 'abc');
    await clock.advance(1_000);
    expect([data(), done.count]).toEqual(['', 0]);
    buffered = 0;
    await clock.advance(5);
    expect([data(), done.count]).toEqual(['abc', 1]);
    buffered = 300_000;
    chunk(3, 'def');
    log.stop();
    await clock.settle();
    expect([data(), done.count, clock.pendingTimers]).toEqual(['abc', 2, 0]);
  });

  it('lets every wait go when it is stopped, and says nothing any more', async () => {
    const { clock, log, chunk, done, data } = stream(0);
    chunk(0, 'abc');
    log.stop();
    chunk(3, 'def');
    log.gap(6, 9);
    log.end(9, 'complete');
    log.grant(100);
    await clock.settle();
    expect([data(), done.count, log.signal.aborted]).toEqual(['', 2, true]);
  });

  it('cuts data that is too long into frames, of which only the last stands for raw bytes', () => {
    const text = fc.tuple(fc.constantFrom('a', '€', '😀', 'é😀'), fc.integer({ min: 0, max: 90_000 }));
    fc.assert(
      fc.property(text, fc.boolean(), ([unit, times], continued) => {
        const { log, sent, data } = stream(Number.MAX_SAFE_INTEGER);
        void log.chunk({ rawFrom: 10, rawTo: 99, data: unit.repeat(times), continued });
        expect(data()).toBe(unit.repeat(times));
        const frames = sent.flatMap((one) => (one.type === 'log.chunk' ? [one] : []));
        for (const [at, frame] of frames.entries()) {
          const isLast = at === frames.length - 1;
          expect(Buffer.byteLength(frame.data)).toBeLessThanOrEqual(LIMITS.logDataBytes);
          expect(Buffer.from(frame.data).toString()).toBe(frame.data);
          expect(frame).toMatchObject({ rawFrom: 10, rawTo: isLast ? 99 : 10, continued: isLast ? continued : true });
        }
      }),
      { numRuns: 60 },
    );
  });
});
