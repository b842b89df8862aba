import { silentLogger } from '@runner/core';
import { testClock } from '@runner/core/testing';
import { kubeError } from '@runner/kube';
import { expect, it } from 'vitest';
import { deliveryChoice } from '../../src/delivery.ts';
import { nodeNotes } from '@runner/kube/runs';

const calm = new AbortController().signal;
const MINUTE = 60_000;

/** An API that grants or refuses, and counts what it was asked. */
function granting(granted: boolean) {
  const api = {
    granted,
    asked: 0,
    listed: 0,
    revoked: false,
    mayI: () => {
      api.asked += 1;
      return Promise.resolve(api.granted);
    },
    list: () => {
      api.listed += 1;
      if (api.revoked) return Promise.reject(kubeError('kube_forbidden', 'no more'));
      return Promise.resolve({ items: [], resourceVersion: '1' });
    },
  };
  return api;
}

it('configs travel in Secrets a few minutes after the right to them was granted', async () => {
  const clock = testClock();
  const api = granting(false);
  const choice = deliveryChoice(api, 'runs', 'auto', { clock, logger: silentLogger });
  expect(await choice.kind(calm)).toBe('inline');
  api.granted = true;
  await clock.advance(4 * MINUTE);
  expect(await choice.kind(calm)).toBe('inline');
  expect(api.asked).toBe(1);
  await clock.advance(MINUTE);
  expect(await choice.kind(calm)).toBe('secret');
  expect(api.asked).toBe(3);
  await clock.advance(60 * MINUTE);
  expect(await choice.kind(calm)).toBe('secret');
  expect(api.asked).toBe(3);
});

it('a way of delivery that was set is never asked for', async () => {
  const api = granting(true);
  const choice = deliveryChoice(api, 'runs', 'inline', { clock: testClock(), logger: silentLogger });
  expect(await choice.kind(calm)).toBe('inline');
  expect(api.asked).toBe(0);
});

it('nodes are read a few minutes after the right to them was granted, and asked for anew when it was taken', async () => {
  const clock = testClock();
  const api = granting(false);
  const nodes = nodeNotes(api, clock, silentLogger);
  await nodes.refresh(calm);
  api.granted = true;
  await clock.advance(4 * MINUTE);
  await nodes.refresh(calm);
  expect([api.asked, api.listed, nodes.get()]).toEqual([1, 0, undefined]);
  await clock.advance(MINUTE);
  await nodes.refresh(calm);
  expect([api.asked, api.listed, nodes.get()]).toEqual([2, 1, []]);
  api.revoked = true;
  await clock.advance(MINUTE);
  await nodes.refresh(calm);
  api.granted = false;
  await clock.advance(MINUTE);
  await nodes.refresh(calm);
  await clock.advance(MINUTE);
  await nodes.refresh(calm);
  expect([api.asked, api.listed]).toEqual([3, 2]);
});
