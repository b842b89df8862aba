import { inspect } from 'node:util';
import type { RunnerError } from '@runner/core';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import type { SecretResolver, SecretResolverOptions } from '@runner/secrets';
import { createSecretResolver, secretError } from '@runner/secrets';
import { createMemoryProvider } from '@runner/secrets/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

type Options = Omit<SecretResolverOptions, 'provider' | 'clock' | 'random'>;

function world(values: Record<string, string> = { db: 'pass' }, options: Options = {}) {
  const provider = createMemoryProvider(values);
  const clock = testClock();
  const resolver = createSecretResolver({ provider, clock, random: testRandom(), ...options });
  return { provider, clock, resolver };
}

const value = async (resolver: SecretResolver, reference = 'secret:db'): Promise<string> =>
  (await resolver.resolve(reference)).reveal();
const busy = (): RunnerError => secretError('secret_throttled', 'busy', { retryAfterMs: 3_000 });

describe('a resolver', () => {
  it('gives the value of a reference as a Secret', async () => {
    const { resolver } = world();
    const secret = await resolver.resolve('secret:db');
    expect(String(secret)).toBe('[redacted]');
    expect(secret.reveal()).toBe('pass');
  });

  it('refuses a text that is no reference and never asks for it', async () => {
    const { resolver, provider } = world();
    await expect(resolver.resolve('hunter2')).rejects.toMatchObject({ code: 'secret_malformed_id' });
    await expect(resolver.resolve('secret:a b')).rejects.toMatchObject({ code: 'secret_malformed_id' });
    expect(provider.calls).toEqual([]);
  });

  it('asks once within the time to live and again after it, so that a rotated value is seen', async () => {
    const { resolver, provider, clock } = world();
    expect([await value(resolver), await value(resolver)]).toEqual(['pass', 'pass']);
    provider.set('db', 'rotated');
    await clock.advance(59_999);
    expect(await value(resolver)).toBe('pass');
    await clock.advance(1);
    expect(await value(resolver)).toBe('rotated');
    expect(provider.calls).toHaveLength(2);
  });

  it('asks each time when nothing is to be kept', async () => {
    const { resolver, provider } = world({ db: 'pass' }, { ttlMs: 0 });
    await value(resolver);
    await value(resolver);
    expect(provider.calls).toHaveLength(2);
  });

  it('keeps a failure for a short while only', async () => {
    const { resolver, provider, clock } = world({});
    for (let count = 0; count < 3; count += 1) {
      await expect(resolver.resolve('secret:db')).rejects.toMatchObject({ code: 'secret_not_found' });
    }
    expect(provider.calls).toHaveLength(1);
    provider.set('db', 'now there');
    await clock.advance(5_000);
    expect(await value(resolver)).toBe('now there');
  });

  it('forgets on demand', async () => {
    const { resolver, provider } = world();
    await value(resolver);
    resolver.forget('db');
    await value(resolver);
    resolver.forget();
    await value(resolver);
    expect(provider.calls).toHaveLength(3);
  });

  it('shares one call among all who ask at the same time', async () => {
    const { resolver, provider } = world();
    const release = provider.hold();
    const pending = Array.from({ length: 50 }, () => value(resolver));
    release();
    expect(new Set(await Promise.all(pending))).toEqual(new Set(['pass']));
    expect(provider.calls).toEqual(['db']);
  });

  it('never has more calls under way than it may, and answers everybody', async () => {
    const values = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`id-${index}`, `value ${index}`]));
    const { resolver, provider } = world(values, { concurrency: 5 });
    const answers = await resolver.resolveAll(Object.keys(values).map((id) => `secret:${id}`));
    expect(answers.every((answer) => answer.ok)).toBe(true);
    expect(provider.mostActive).toBe(5);
  });

  it('tries a failure that may pass again, no earlier than the store asked for', async () => {
    const { resolver, provider, clock } = world();
    provider.fail('db', busy(), busy());
    const pending = value(resolver);
    await clock.advance(2_999);
    expect(provider.calls).toHaveLength(1);
    await clock.advance(1);
    expect(provider.calls).toHaveLength(2);
    await clock.advance(3_000);
    expect(await pending).toBe('pass');
    expect(provider.calls).toHaveLength(3);
  });

  it('gives up after so many attempts with the last failure', async () => {
    const { resolver, provider, clock } = world({ db: 'pass' }, { attempts: 3 });
    const down = (): RunnerError => secretError('secret_unreachable', 'down');
    provider.fail('db', down(), down(), down(), down());
    const pending = resolver.resolve('secret:db');
    const settled = expect(pending).rejects.toMatchObject({ code: 'secret_unreachable', retryable: true });
    await clock.advance(20_000);
    await settled;
    expect(provider.calls).toHaveLength(3);
  });

  it('goes on asking a store that throttles until its deadline, and says that this was the reason', async () => {
    const { resolver, provider, clock } = world({ db: 'pass' }, { attempts: 3 });
    provider.fail('db', ...Array.from({ length: 100 }, busy));
    const settled = expect(resolver.resolve('secret:db')).rejects.toMatchObject({ code: 'secret_throttled' });
    await clock.advance(30_000);
    await settled;
    expect(provider.calls.length).toBeGreaterThan(4);
    expect(provider.calls.length).toBeLessThan(12);
  });

  it('does not try a failure again that cannot pass', async () => {
    const { resolver, provider } = world();
    provider.fail('db', secretError('secret_forbidden', 'no'));
    await expect(resolver.resolve('secret:db')).rejects.toMatchObject({ code: 'secret_forbidden' });
    expect(provider.calls).toHaveLength(1);
  });

  it('waits no longer than its deadline for a provider that never answers and ignores its signal', async () => {
    const { resolver, provider, clock } = world({ db: 'pass' }, { deadlineMs: 1_000, attemptTimeoutMs: 400 });
    provider.hold({ deaf: true });
    const settled = expect(resolver.resolve('secret:db')).rejects.toMatchObject({
      code: 'secret_timed_out',
      retryable: true,
      details: { provider: 'memory', id: 'db' },
    });
    await clock.advance(1_000);
    await settled;
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives the place of a call that never answers to the next one', async () => {
    const { resolver, provider, clock } = world({ b: '2' }, { concurrency: 1, attemptTimeoutMs: 100, attempts: 1 });
    const original = provider.fetch.bind(provider);
    provider.fetch = (id, options) => (id === 'a' ? new Promise(() => undefined) : original(id, options));
    const hanging = expect(resolver.resolve('secret:a')).rejects.toMatchObject({ code: 'secret_timed_out' });
    const other = value(resolver, 'secret:b');
    await clock.advance(99);
    expect(provider.calls).toEqual([]);
    await clock.advance(1);
    expect(await other).toBe('2');
    await hanging;
  });

  it('does not let the time in its own queue count as time of the store', async () => {
    const values = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`id-${index}`, 'value']));
    const { resolver, provider, clock } = world(values, { concurrency: 1, deadlineMs: 1_000, ttlMs: 0 });
    const original = provider.fetch.bind(provider);
    provider.fetch = async (id, options) => {
      await clock.sleep(900, options.signal);
      return original(id, options);
    };
    const pending = resolver.resolveAll(Object.keys(values).map((id) => `secret:${id}`));
    await clock.advance(20 * 900);
    expect((await pending).every((answer) => answer.ok)).toBe(true);
  });

  it('lets one caller leave without disturbing the others, and stops the call when all have left', async () => {
    const { resolver, provider } = world();
    const release = provider.hold();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = resolver.resolve('secret:db', { signal: first.signal });
    const two = resolver.resolve('secret:db', { signal: second.signal });
    first.abort();
    await expect(one).rejects.toMatchObject({ code: 'aborted' });
    expect(provider.active).toBe(1);
    second.abort();
    await expect(two).rejects.toMatchObject({ code: 'aborted' });
    await expect.poll(() => provider.active).toBe(0);
    release();
    expect(await value(resolver)).toBe('pass');
  });

  it('does not remember an abort as a failure', async () => {
    const { resolver, provider } = world();
    const release = provider.hold();
    const gone = new AbortController();
    const pending = resolver.resolve('secret:db', { signal: gone.signal });
    gone.abort();
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
    release();
    expect(await value(resolver)).toBe('pass');
  });

  it('is over once it is closed: calls end, values are forgotten, the provider is closed', async () => {
    const { resolver, provider } = world();
    provider.hold();
    const pending = expect(resolver.resolve('secret:db')).rejects.toMatchObject({ code: 'secret_resolver_closed' });
    await Promise.all([resolver.close(), resolver.close()]);
    await pending;
    expect(provider.closed).toBe(true);
    await expect(resolver.resolve('secret:db')).rejects.toMatchObject({ code: 'secret_resolver_closed' });
  });

  it('hides what a provider throws that is not of the documented kinds', async () => {
    const { resolver, provider } = world();
    provider.fail('db', new SyntaxError('Unexpected token hunter2-value in JSON'));
    const error: unknown = await resolver.resolve('secret:db').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'secret_provider_failed', retryable: false });
    expect((error as Error).message).toContain('SyntaxError');
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  });

  it('warns about a value that was probably stored wrongly, once and without the value', async () => {
    const logger = recordingLogger();
    const { resolver } = world({ db: '"hunter2"\n' }, { logger, ttlMs: 0 });
    await value(resolver);
    await value(resolver);
    const codes = logger.records.map((record) => record.context['code']);
    expect(codes).toEqual(['value_trailing_newline', 'value_quoted']);
    expect(logger.text()).not.toContain('hunter2');
  });

  it('tells an observer of calls and hits, and survives one that throws', async () => {
    const seen: string[] = [];
    const { resolver } = world(
      { db: 'pass' },
      {
        observer: {
          onFetch: ({ outcome }) => {
            seen.push(`fetch ${outcome}`);
            throw new Error('observer');
          },
          onCacheHit: ({ outcome }) => seen.push(`hit ${outcome}`),
        },
      },
    );
    await value(resolver);
    await value(resolver);
    await resolver.resolve('secret:nosuch').catch(() => undefined);
    expect(seen).toEqual(['fetch ok', 'hit ok', 'fetch secret_not_found']);
  });

  it('answers each of several references in order, failing ones beside good ones', async () => {
    const { resolver } = world({ a: '1' });
    const answers = await resolver.resolveAll(['secret:a', 'plain', 'secret:nosuch', 'secret:a']);
    expect(answers.map((answer) => (answer.ok ? answer.value.reveal() : answer.error.code))).toEqual([
      '1',
      'secret_malformed_id',
      'secret_not_found',
      '1',
    ]);
  });

  it('bounds what it remembers', async () => {
    const { resolver, provider } = world({ a: '1', b: '2', c: '3', d: '4' }, { cacheLimit: 2 });
    for (const id of ['a', 'b', 'a', 'c', 'a', 'd', 'a']) await value(resolver, `secret:${id}`);
    expect(provider.calls).toEqual(['a', 'b', 'c', 'd']);
    await value(resolver, 'secret:b');
    expect(provider.calls).toEqual(['a', 'b', 'c', 'd', 'b']);
  });

  it('resolves a thousand references with as many calls as there are secrets', async () => {
    const values = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`id-${index}`, `value ${index}`]));
    const { resolver, provider } = world(values);
    const answers = await resolver.resolveAll(Array.from({ length: 1_000 }, (_, index) => `secret:id-${index % 100}`));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1_000);
    expect(provider.calls).toHaveLength(100);
  });

  it('keeps its promises under any order of asking, failing, leaving and waiting', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('ask' as const), id: fc.constantFrom('a', 'b', 'c'), leave: fc.boolean() }),
      fc.record({ kind: fc.constant('fail' as const), id: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 70_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { resolver, provider, clock } = world({ a: '1', b: '2', c: '3' }, { concurrency: 2 });
        const pending: Promise<unknown>[] = [];
        for (const each of steps) {
          if (each.kind === 'wait') await clock.advance(each.ms);
          else if (each.kind === 'fail') provider.fail(each.id, busy());
          else pending.push(askOnce(resolver, each.id, each.leave));
        }
        await clock.advance(120_000);
        for (const outcome of await Promise.all(pending))
          expect(['right', 'aborted', 'secret_throttled']).toContain(outcome);
        expect(provider.mostActive).toBeLessThanOrEqual(2);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

const VALUES: Record<string, string> = { a: '1', b: '2', c: '3' };

/** `throttled` when the attempts were used up, which is an answer too. */
async function askOnce(resolver: SecretResolver, id: string, leave: boolean): Promise<string> {
  const controller = new AbortController();
  const answer = resolver.resolve(`secret:${id}`, { signal: controller.signal });
  if (leave) controller.abort();
  return answer.then(
    (secret) => (secret.reveal() === VALUES[id] ? 'right' : 'wrong'),
    (error: unknown) => (error as { code: string }).code,
  );
}
