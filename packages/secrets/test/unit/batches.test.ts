import { testClock, testRandom } from '@runner/core/testing';
import type { BatchAnswer, SecretProvider, SecretResolverOptions } from '@runner/secrets';
import { createSecretResolver, secretError, secretText } from '@runner/secrets';
import { createMemoryProvider } from '@runner/secrets/testing';
import { describe, expect, it } from 'vitest';

type Answers = (ids: readonly string[]) => Promise<ReadonlyMap<string, BatchAnswer>>;

function world(answers?: Answers, options: Partial<SecretResolverOptions> = {}) {
  const memory = createMemoryProvider();
  const batches: (readonly string[])[] = [];
  const all: Answers = async (ids) => {
    const found = new Map<string, BatchAnswer>();
    for (const id of ids) {
      found.set(id, { ok: true, secret: secretText(`value of ${id}`, { provider: 'memory', id }) });
    }
    return Promise.resolve(found);
  };
  const provider: SecretProvider = {
    ...memory,
    fetchMany: (ids) => {
      batches.push(ids);
      return (answers ?? all)(ids);
    },
  };
  const clock = testClock();
  const resolver = createSecretResolver({ provider, clock, random: testRandom(), ...options });
  return { memory, batches, clock, resolver };
}

const references = (count: number): string[] => Array.from({ length: count }, (_, index) => `secret:id-${index}`);

describe('several references at once, where the store takes several ids', () => {
  it('take one call for twenty, each id once, and none for what is known', async () => {
    const { batches, memory, resolver } = world();
    const wanted = [...references(45), ...references(45)];
    const answers = await resolver.resolveAll(wanted);
    expect(answers.map((answer) => answer.ok && answer.value.reveal())).toEqual(
      wanted.map((reference) => `value of ${reference.slice(7)}`),
    );
    expect(batches.map((ids) => ids.length)).toEqual([20, 20, 5]);
    await resolver.resolveAll(wanted);
    expect([batches.length, memory.calls.length]).toEqual([3, 0]);
  });

  it('answer for themselves: an absent one fails alone, one whose failure may pass is asked for again alone', async () => {
    const { memory, resolver } = world((ids) =>
      Promise.resolve(
        new Map<string, BatchAnswer>([
          [ids[0] ?? '', { ok: true, secret: secretText('batched', { provider: 'memory', id: 'x' }) }],
          [ids[1] ?? '', { ok: false, error: secretError('secret_not_found', 'absent') }],
          [ids[2] ?? '', { ok: false, error: secretError('secret_throttled', 'busy') }],
        ]),
      ),
    );
    memory.set('id-2', 'alone');
    memory.set('id-3', 'unanswered');
    const answers = await resolver.resolveAll(references(4));
    expect(answers.map((answer) => (answer.ok ? answer.value.reveal() : answer.error.code))).toEqual([
      'batched',
      'secret_not_found',
      'alone',
      'unanswered',
    ]);
    expect(memory.calls).toEqual(['id-2', 'id-3']);
  });

  it('are each fetched alone when the call itself is refused, which is then left out for a while', async () => {
    const { batches, memory, clock, resolver } = world(
      () => Promise.reject(secretError('secret_forbidden', 'no right to batch')),
      { ttlMs: 0 },
    );
    for (const reference of references(3)) memory.set(reference.slice(7), 'alone');
    expect((await resolver.resolveAll(references(3))).every((answer) => answer.ok)).toBe(true);
    expect((await resolver.resolveAll(references(3))).every((answer) => answer.ok)).toBe(true);
    expect([batches.length, memory.calls.length]).toEqual([1, 6]);
    await clock.advance(600_000);
    await resolver.resolveAll(references(3));
    expect(batches).toHaveLength(2);
  });

  it('are not batched when one is all that is asked for', async () => {
    const { batches, memory, resolver } = world();
    memory.set('id-0', 'alone');
    await resolver.resolveAll(['secret:id-0', 'secret:id-0', 'secret:a b', 'plain']);
    expect([batches.length, memory.calls]).toEqual([0, ['id-0']]);
  });

  it('end with the caller: the call is aborted when nobody waits for it', async () => {
    let aborted = false;
    const memory = createMemoryProvider();
    const provider: SecretProvider = {
      ...memory,
      fetchMany: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          });
        }),
    };
    const clock = testClock();
    const resolver = createSecretResolver({ provider, clock, random: testRandom() });
    const controller = new AbortController();
    const pending = resolver.resolveAll(references(5), { signal: controller.signal }).catch((error: unknown) => error);
    await clock.settle();
    controller.abort();
    expect(await pending).toMatchObject({ code: 'aborted' });
    await clock.settle();
    expect([aborted, memory.calls.length, clock.pendingTimers]).toEqual([true, 0, 0]);
  });

  it('share a call with somebody who resolves one of them alone', async () => {
    const { batches, memory, resolver } = world();
    const [all, one] = await Promise.all([resolver.resolveAll(references(5)), resolver.resolve('secret:id-3')]);
    expect([all.length, one.reveal(), batches.length, memory.calls.length]).toEqual([5, 'value of id-3', 1, 0]);
  });
});
