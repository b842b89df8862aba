import { testClock, testRandom } from '@runner/core/testing';
import type { SecretProvider, SecretResolution } from '@runner/secrets';
import { createSecretResolver, secretError, secretText } from '@runner/secrets';
import { createMemoryProvider } from '@runner/secrets/testing';
import { describe, expect, it } from 'vitest';
import { createCircuit } from '../../src/circuit.ts';

const { signal } = new AbortController();
const busy = (retryAfterMs?: number) =>
  secretError('secret_throttled', 'busy', retryAfterMs === undefined ? {} : { retryAfterMs });
const down = () => secretError('secret_unreachable', 'down');

function world(threshold = 3) {
  const clock = testClock();
  const circuit = createCircuit({
    clock,
    random: testRandom(),
    threshold,
    floorMs: 1_000,
    capMs: 30_000,
    describe: () => ({ name: 'memory', location: 'a store' }),
  });
  let asked = 0;
  const fail = (error: Error) =>
    circuit
      .run(signal, () => {
        asked += 1;
        return Promise.reject(error);
      })
      .catch((caught: unknown) => caught);
  const succeed = () =>
    circuit.run(signal, () => {
      asked += 1;
      return Promise.resolve('value');
    });
  return { clock, circuit, fail, succeed, asked: () => asked };
}

describe('the circuit before a store', () => {
  it('opens after failures in a row, then refuses without asking, with the time to wait', async () => {
    const { circuit, fail, asked } = world();
    for (let count = 0; count < 3; count += 1) await fail(down());
    expect(circuit.state).toBe('open');
    const error = await fail(down());
    expect(error).toMatchObject({ code: 'secret_unreachable', retryable: true, details: { circuit: 'open' } });
    expect(asked()).toBe(3);
  });

  it('stays closed while the store says no, which is an answer', async () => {
    const { circuit, fail } = world();
    for (let count = 0; count < 20; count += 1) {
      await fail(down());
      await fail(down());
      await fail(secretError('secret_not_found', 'absent'));
    }
    expect(circuit.state).toBe('closed');
  });

  it('lets one call try after its time, and the others through once that succeeded', async () => {
    const { clock, fail, circuit, asked } = world();
    for (let count = 0; count < 3; count += 1) await fail(down());
    await clock.advance(60_000);
    let answer: (value: string) => void = () => undefined;
    const first = circuit.run(signal, () => new Promise<string>((resolve) => (answer = resolve)));
    let others = 0;
    const waiting = Array.from({ length: 5 }, () =>
      circuit.run(signal, () => {
        others += 1;
        return Promise.resolve('value');
      }),
    );
    await clock.settle();
    expect([circuit.state, others]).toEqual(['trying', 0]);
    answer('value');
    await Promise.all([first, ...waiting]);
    expect([circuit.state, others, asked()]).toEqual(['closed', 5, 3]);
  });

  it('waits as long as a throttling store asks, from its first word on', async () => {
    const { clock, fail, succeed } = world();
    await fail(busy(45_000));
    let done = false;
    const pending = succeed().then(() => (done = true));
    await clock.advance(44_999);
    expect(done).toBe(false);
    await clock.advance(1);
    await pending;
    expect(done).toBe(true);
  });

  it('asks a store that stays down less than once a second on average, however many wait for it', async () => {
    const clock = testClock();
    const provider = createMemoryProvider();
    const resolver = createSecretResolver({ provider, clock, random: testRandom() });
    const references = Array.from({ length: 200 }, (_, index) => `secret:id-${index}`);
    for (let index = 0; index < 200; index += 1) provider.fail(`id-${index}`, ...Array.from({ length: 100 }, down));
    const done: (readonly SecretResolution[])[] = [];
    void resolver.resolveAll(references).then((all) => done.push(all));
    let seconds = 0;
    for (; done.length === 0 && seconds < 10_000; seconds += 1) await clock.advance(1_000);
    const answers = done.flat();
    expect(answers).toHaveLength(200);
    expect(answers.every((answer) => !answer.ok && answer.error.retryable)).toBe(true);
    // Ten to open it, and some that were under way.
    expect(provider.calls.length).toBeLessThan(30 + seconds);
  });

  it.each([undefined, 1_000])(
    'answers every reference in the end while the store takes five calls a second (Retry-After %s)',
    async (retryAfterMs) => {
      const clock = testClock();
      const calls: number[] = [];
      const provider: SecretProvider = {
        describe: () => ({ name: 'memory', location: 'a store' }),
        fetch: (id) => {
          calls.push(clock.monotonic());
          const lately = calls.filter((at) => at > clock.monotonic() - 1_000).length;
          if (lately > 5) return Promise.reject(busy(retryAfterMs));
          return Promise.resolve(secretText(`value of ${id}`, { provider: 'memory', id }));
        },
      };
      const resolver = createSecretResolver({ provider, clock, random: testRandom() });
      const references = Array.from({ length: 50 }, (_, index) => `secret:id-${index}`);
      let answers: readonly SecretResolution[] | undefined;
      void resolver.resolveAll(references).then((all) => (answers = all));
      for (let seconds = 0; answers === undefined && seconds < 600; seconds += 1) await clock.advance(1_000);
      expect(answers?.filter((answer) => !answer.ok)).toEqual([]);
      expect(calls.length).toBeLessThan(50 * 5);
    },
  );

  it('forgets a waiter that gives up', async () => {
    const { fail, circuit, clock } = world();
    await fail(busy(60_000));
    const controller = new AbortController();
    const pending = circuit.run(controller.signal, () => Promise.resolve('value')).catch((error: unknown) => error);
    controller.abort();
    expect(await pending).toMatchObject({ code: 'aborted' });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('failures of one moment', () => {
  it('open it once, for as long as one failure would, however many calls were under way', async () => {
    const { clock, circuit } = world(3);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const calls = Array.from({ length: 8 }, () =>
      circuit
        .run(signal, async () => {
          await held;
          throw busy();
        })
        .catch(() => undefined),
    );
    await clock.settle();
    release();
    await Promise.all(calls);
    expect(circuit.state).toBe('open');
    let tried = false;
    void circuit.run(signal, () => Promise.resolve((tried = true)));
    // Full jitter between the floor and twice the floor.
    await clock.advance(2_000);
    expect(tried).toBe(true);
  });
});
