import { expect, it } from 'vitest';
import { untilAborted } from '../../src/index.ts';

const never = new Promise<never>(() => undefined);

it('work that ends first gives what it gives, or its own error', async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
  await expect(untilAborted(Promise.reject(new Error('its own')), signal)).rejects.toThrow('its own');
});

it('work that hears no signal is not waited for once it is aborted, before or meanwhile', async () => {
  const meanwhile = new AbortController();
  const waiting = untilAborted(never, meanwhile.signal);
  meanwhile.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  await expect(untilAborted(never, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
});

it('how such work fails afterwards is of no interest', async () => {
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<never>((_, reject) => (fail = reject));
  const waiting = untilAborted(work, AbortSignal.abort());
  fail(new Error('too late'));
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
});
