import { Buffer } from 'node:buffer';
import { silentLogger, systemRandom } from '@runner/core';
import { testClock } from '@runner/core/testing';
import type { ConnectedAgent, SecretsAnswer, WireSecretCheck } from '@runner/protocol/server';
import { describe, expect, test } from 'vitest';
import { createSecretChecks } from '../../src/gateway/secret-checks.ts';
import { createTasks } from '../../src/gateway/tasks.ts';
import type { SignalEvent } from '../../src/store/ports.ts';
import { memoryStore } from '../support/memory-store.ts';

const REFERENCES = ['secret:a', 'secret:b'];
const read = (reference: string): WireSecretCheck => ({ reference, ok: true, warnings: [] });
const answered = (...references: readonly string[]): SecretsAnswer => ({
  kind: 'answered',
  results: references.map(read),
});
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** Two replicas over one store; the agent is connected to the other one, which answers so. */
function replicas(answer: SecretsAnswer, isConnected = true) {
  const { signals } = memoryStore(testClock());
  const events: SignalEvent[] = [];
  signals.subscribe(
    (event) => void events.push(event),
    () => undefined,
  );
  const replica = (checked: SecretsAnswer, connected: boolean) =>
    createSecretChecks({
      bridge: {
        checkSecrets: () => Promise.resolve(checked),
        connected: () => (connected ? [{ role: 'active' } as ConnectedAgent] : []),
      },
      ...{ signals, tasks: createTasks(silentLogger), random: systemRandom(), logger: silentLogger },
    });
  const there = replica(answer, isConnected);
  const stop = new AbortController();
  const running = there.run(stop.signal);
  return {
    ...{ here: replica({ kind: 'not_here' }, false), there, events },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

describe('a check of references, through either replica', () => {
  test('that was answered for each reference gives each answer', async () => {
    const answer = answered(...REFERENCES);
    await using world = replicas(answer);
    for (const replica of [world.here, world.there]) {
      expect(await replica.check('agent', REFERENCES, soon())).toEqual(answer);
    }
  });

  test.each([[[]], [['secret:a']], [['secret:b', 'secret:a']], [['secret:a', 'secret:b', 'secret:c']]])(
    'is no success when the agent answers for %j',
    async (given) => {
      await using world = replicas(answered(...given));
      for (const replica of [world.here, world.there]) {
        expect(await replica.check('agent', REFERENCES, soon())).toMatchObject({
          ...{ kind: 'answered', results: [], problem: { code: 'secret_check_failed' } },
        });
      }
    },
  );

  test('ends at once when the agent leaves the other replica before it answers', async () => {
    await using world = replicas({ kind: 'not_here' });
    expect(await world.here.check('agent', REFERENCES, soon())).toMatchObject({
      problem: { code: 'secret_check_failed', message: expect.stringContaining('left') as string },
    });
  });

  test('is left to others by a replica that never had the agent', async () => {
    await using world = replicas({ kind: 'not_here' }, false);
    const leaving = new AbortController();
    const check = world.here.check('agent', REFERENCES, leaving.signal);
    await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await expect(check).rejects.toMatchObject({ code: 'aborted' });
    expect(world.events.map(({ kind }) => kind)).toEqual(['secretsAsked']);
  });

  test.each(['a', 'ä', '錠', '\u0001', '😀'])('fits into a notification, whatever it says: %j', async (character) => {
    const text = character.repeat(4_000);
    const warnings = Array.from({ length: 32 }, () => ({ code: 'value_quoted', message: text }));
    const reference = `secret:${'錠'.repeat(505)}`;
    const result = { reference, ok: false, code: 'secret_forbidden', message: text, hint: text, warnings };
    await using world = replicas({ kind: 'answered', results: [result] });
    expect(await world.here.check('agent', [reference], soon())).toMatchObject({
      results: [{ code: 'secret_forbidden', message: expect.stringContaining(character.repeat(30)) as string }],
    });
    for (const event of world.events) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(8_000);
  });
});
