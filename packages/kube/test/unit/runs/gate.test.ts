import { expect, it } from 'vitest';
import { gate } from '../../../src/runs/gate.ts';

const calm = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it('lets so many in, the others in order as places come free', async () => {
  const door = gate(2);
  const inside: number[] = [];
  const enter = (id: number) => door.enter(calm).then((leave) => (inside.push(id), leave));
  const first = await enter(1);
  await enter(2);
  const third = enter(3);
  const fourth = enter(4);
  await turn();
  expect(inside).toEqual([1, 2]);
  first();
  first();
  (await third)();
  await fourth;
  expect(inside).toEqual([1, 2, 3, 4]);
});

it('lets nobody slip in before the one who waits', async () => {
  const door = gate(1);
  const leave = await door.enter(calm);
  const order: string[] = [];
  const waiting = door.enter(calm).then((go) => (order.push('waited'), go));
  leave();
  const late = door.enter(calm).then((go) => (order.push('late'), go));
  (await waiting)();
  (await late)();
  expect(order).toEqual(['waited', 'late']);
});

it('forgets whoever is aborted while waiting', async () => {
  const door = gate(1);
  const leave = await door.enter(calm);
  const stop = new AbortController();
  const waiting = door.enter(stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  leave();
  (await door.enter(calm))();
  await expect(door.enter(AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
});
