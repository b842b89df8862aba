import { expect, it } from 'vitest';
import type { Made } from '../../src/measure/rounds.ts';
import { inTurns, middleCpu, middleRound } from '../../src/measure/rounds.ts';

const made = (ms: number, more: Partial<Made> = {}): Made => ({ count: 100, ms, cpuMs: 50, throttled: 0, ...more });
const nothing = (): Promise<void> => Promise.resolve();

it('every other round goes backwards, and things are put in order after each side', async () => {
  const order: string[] = [];
  const said: string[] = [];
  const side = (name: string, throttled: number) => () => {
    order.push(name);
    return Promise.resolve(made(1_000, { throttled }));
  };
  const after = (): Promise<void> => {
    order.push('-');
    return Promise.resolve();
  };
  const sides = { bare: side('bare', 0), own: side('own', 3) };
  const rounds = await inTurns({ rounds: 3, sides, after, say: (text) => void said.push(text) });
  expect(order.join('')).toBe('bare-own-own-bare-bare-own-');
  expect(rounds).toHaveLength(3);
  expect(said[0]).toBe(
    'round 1: bare 100 a second, 0.50 ms of processor time each; own 100 a second, 0.50 ms of processor time each, 3 times 429',
  );
});

it('the round that counts is the one whose ratio is in the middle, not the one with the highest rates', async () => {
  const times = [
    { bare: 100, own: 200 },
    { bare: 1_000, own: 1_000 },
    { bare: 500, own: 400 },
  ];
  const at = (name: 'bare' | 'own') => {
    const left = times.map((both) => made(both[name]));
    // Backwards or not, each side is asked once in each round.
    return () => Promise.resolve(left.shift() ?? made(1));
  };
  const sides = { bare: at('bare'), own: at('own') };
  const rounds = await inTurns({ rounds: 3, sides, after: nothing, say: () => undefined });
  expect(middleRound(rounds, 'own', 'bare')).toMatchObject({ bare: { ms: 1_000 }, own: { ms: 1_000 } });
  // Of two the lower one, so that a doubt is not in favour of what is judged.
  expect(middleRound(rounds.slice(0, 2), 'own', 'bare')).toMatchObject({ bare: { ms: 100 }, own: { ms: 200 } });
});

it('processor time is that of one, in the middle of the rounds', () => {
  expect(middleCpu([made(1, { cpuMs: 300 }), made(1, { cpuMs: 100 }), made(1, { cpuMs: 200 })])).toBe(2);
});
