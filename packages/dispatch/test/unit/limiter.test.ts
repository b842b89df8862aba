import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter } from '../../src/limiter.ts';

const never = new AbortController().signal;
const turn = async (): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
};

describe('the limiter', () => {
  it('counts a run once, however many reasons it has', async () => {
    const limiter = createLimiter({ total: 2 });
    limiter.announce('r1', 'metadata');
    await limiter.take('r1', 'metadata', never, () => undefined);
    limiter.see('r1', 'metadata', true);
    expect(limiter.slots().free).toBe(1);
    limiter.release('r1');
    expect(limiter.slots().free).toBe(1);
    limiter.see('r1', 'metadata', false);
    expect(limiter.slots().free).toBe(2);
  });

  it('counts live workloads beyond the cap, for they stand, and grants nothing then', async () => {
    const limiter = createLimiter({ total: 1 });
    limiter.see('r1', 'metadata', true);
    limiter.see('r2', 'metadata', true);
    expect(limiter.slots().free).toBe(0);
    let granted = false;
    void limiter.take('r3', 'metadata', never, () => undefined).then(() => (granted = true));
    limiter.see('r1', 'metadata', false);
    await turn();
    expect(granted).toBe(false);
    limiter.see('r2', 'metadata', false);
    await turn();
    expect(granted).toBe(true);
  });

  it('grants at once to a run whose workload is seen alive while it waits', async () => {
    const limiter = createLimiter({ total: 1 });
    limiter.see('r1', 'metadata', true);
    const waiting = limiter.take('r2', 'metadata', never, () => undefined);
    limiter.see('r2', 'metadata', true);
    await expect(waiting).resolves.toBeUndefined();
  });

  it('serves those that fit in the order in which they came', async () => {
    const limiter = createLimiter({ total: 2, types: { profiler: 1 } });
    const order: string[] = [];
    const take = (runId: string, type: string): void =>
      void limiter.take(runId, type, never, () => undefined).then(() => order.push(runId));
    limiter.see('p0', 'profiler', true);
    limiter.see('m0', 'metadata', true);
    take('p1', 'profiler');
    take('m1', 'metadata');
    take('m2', 'metadata');
    limiter.see('m0', 'metadata', false);
    await turn();
    expect(order).toEqual(['m1']);
    limiter.see('p0', 'profiler', false);
    await turn();
    expect(order).toEqual(['m1', 'p1']);
  });

  it('with no slot at all lets nobody pass', async () => {
    const limiter = createLimiter({ total: 0 });
    const waits: string[] = [];
    const gone = new AbortController();
    const taken = limiter.take('r1', 'metadata', gone.signal, () => waits.push('r1'));
    gone.abort();
    await expect(taken).rejects.toMatchObject({ code: 'aborted' });
    expect(waits).toEqual(['r1']);
  });

  it('tells when its numbers change, and only then', () => {
    let changes = 0;
    const limiter = createLimiter({ total: 2 }, { onChange: () => (changes += 1) });
    limiter.see('r1', 'metadata', true);
    limiter.see('r1', 'metadata', true);
    limiter.announce('r1', 'metadata');
    expect(changes).toBe(1);
  });

  it('never grants beyond a cap, never leaks a slot and never lets anybody wait beside a free one', async () => {
    const runs = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
    const typeOf = (runId: string): string => (runId < 'd' ? 'profiler' : 'metadata');
    const step = fc.record({
      kind: fc.constantFrom('announce', 'take', 'abort', 'release', 'live', 'gone'),
      runId: fc.constantFrom(...runs),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(4), fc.nat(3), async (steps, total, profilers) => {
        let underflow = 0;
        const limiter = createLimiter(
          { total, types: { profiler: profilers } },
          { onUnderflow: () => (underflow += 1) },
        );
        // What must be true, kept as plain sets: who was granted, who is alive, who was announced, who waits.
        const granted = new Set<string>();
        const live = new Set<string>();
        const announced = new Set<string>();
        const waiting = new Map<string, AbortController>();
        const count = (ids: Iterable<string>, type?: string): number =>
          [...ids].filter((id) => type === undefined || typeOf(id) === type).length;
        const held = (): Set<string> => new Set([...granted, ...live]);

        for (const { kind, runId } of steps) {
          const type = typeOf(runId);
          const before = held();
          if (kind === 'announce') limiter.announce(runId, type);
          if (kind === 'announce') announced.add(runId);
          if (kind === 'take' && !waiting.has(runId) && !granted.has(runId)) {
            const stop = new AbortController();
            waiting.set(runId, stop);
            void limiter
              .take(runId, type, stop.signal, () => undefined)
              .then(
                () => {
                  waiting.delete(runId);
                  granted.add(runId);
                },
                () => waiting.delete(runId),
              );
          }
          if (kind === 'abort') waiting.get(runId)?.abort();
          if (kind === 'release' && !waiting.has(runId)) {
            limiter.release(runId);
            granted.delete(runId);
            announced.delete(runId);
          }
          if (kind === 'live' || kind === 'gone') {
            if (kind === 'live') live.add(runId);
            else live.delete(runId);
            limiter.see(runId, type, kind === 'live');
          }
          await turn();
          const now = held();
          const newcomers = [...now].filter((id) => !before.has(id) && !live.has(id));
          if (newcomers.length > 0) {
            expect(now.size).toBeLessThanOrEqual(total);
            if (newcomers.some((id) => typeOf(id) === 'profiler')) {
              expect(count(now, 'profiler')).toBeLessThanOrEqual(profilers);
            }
          }
          const expected = new Set([...now, ...announced]);
          expect(limiter.held).toBe(now.size);
          expect(limiter.slots()).toEqual({
            total,
            free: Math.max(0, total - expected.size),
            types: { profiler: { total: profilers, free: Math.max(0, profilers - count(expected, 'profiler')) } },
          });
          for (const id of waiting.keys()) {
            const room = now.size < total && (typeOf(id) !== 'profiler' || count(now, 'profiler') < profilers);
            expect(room).toBe(false);
          }
        }
        expect(underflow).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
