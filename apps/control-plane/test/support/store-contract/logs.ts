import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SignalEvent, Store } from '../../../src/store/ports.ts';
import { newRun } from '../run-fixtures.ts';
import type { StoreUnderTest } from '../store-contract.ts';

/** OpenMetadata's largest chunk. */
const CHUNK_BYTES = 983_040;

async function started(store: Store, entityId: string = randomUUID()): Promise<string> {
  const run = newRun({ entityId, concurrency: 9 });
  await store.runs.create(run);
  return run.record.runId;
}

export function logContract(under: () => Promise<StoreUnderTest>): void {
  describe('logs', () => {
    test('grow at their end, drop what is there already and show a hole', async () => {
      const { store } = await under();
      const runId = await started(store);
      expect(await store.logs.state(runId, 'pulled')).toBeUndefined();
      expect(await store.logs.append(runId, 'pulled', { rawFrom: 0, rawTo: 4, text: 'one\n' })).toBe(4);
      expect(await store.logs.append(runId, 'pulled', { rawFrom: 0, rawTo: 4, text: 'one\n' })).toBe(4);
      expect(await store.logs.append(runId, 'pulled', { rawFrom: 4, rawTo: 8, text: 'two\n' })).toBe(8);
      expect(await store.logs.read(runId, 0)).toMatchObject({
        text: 'one\ntwo\n',
        total: 1,
        closed: false,
        source: 'pulled',
      });
      await store.logs.append(runId, 'pulled', { rawFrom: 20, rawTo: 24, text: 'six\n' });
      const { text = '' } = await store.logs.read(runId, 0);
      expect(text.startsWith('one\ntwo\n')).toBe(true);
      expect(text.endsWith('six\n')).toBe(true);
      expect(text.length).toBeGreaterThan('one\ntwo\nsix\n'.length);
      expect(await store.logs.state(runId, 'pulled')).toEqual({ rawTo: 24, closed: false, chunks: 1 });
    });

    test('belong to a run that exists, and nothing is stored behind their end', async () => {
      const { store } = await under();
      await expect(store.logs.append(randomUUID(), 'pulled', { text: 'x' })).rejects.toMatchObject({
        code: 'not_found',
      });
      const runId = await started(store);
      await store.logs.append(runId, 'pulled', { text: 'first\n' });
      await store.logs.close(runId, 'pulled');
      await store.logs.append(runId, 'pulled', { text: 'late\n' });
      expect(await store.logs.read(runId, 0)).toMatchObject({ text: 'first\n', closed: true });
    });

    test('are cut into chunks that never split a character', async () => {
      const { store } = await under();
      const runId = await started(store);
      const line = `${'ü'.repeat(4_999)}\n`;
      const text = line.repeat(150);
      await store.logs.append(runId, 'pulled', { text });
      const { total } = await store.logs.read(runId, 0);
      expect(total).toBe(Math.ceil(Buffer.byteLength(text) / CHUNK_BYTES));
      let whole = '';
      for (let index = 0; index < total; index += 1) {
        const { text: chunk = '' } = await store.logs.read(runId, index);
        expect(Buffer.byteLength(chunk)).toBeLessThanOrEqual(CHUNK_BYTES);
        whole += chunk;
      }
      expect(whole === text).toBe(true);
      expect(await store.logs.read(runId, total)).toMatchObject({ text: undefined, total });
    });

    test('that the workload posts are shown once they are closed, or when there is no other', async () => {
      const { store } = await under();
      const runId = await started(store);
      expect(await store.logs.read(runId, 0)).toEqual({ text: undefined, total: 0, closed: false });
      await store.logs.append(runId, 'posted', { text: 'posted\n' });
      expect(await store.logs.read(runId, 0)).toMatchObject({ text: 'posted\n', source: 'posted' });
      await store.logs.append(runId, 'pulled', { text: 'pulled\n' });
      expect(await store.logs.read(runId, 0)).toMatchObject({ text: 'pulled\n', source: 'pulled' });
      expect(await store.logs.read(runId, 0, 'posted')).toMatchObject({ text: 'posted\n' });
      await store.logs.close(runId, 'posted');
      expect(await store.logs.read(runId, 0)).toMatchObject({ text: 'posted\n', source: 'posted', closed: true });
    });

    test('tell whoever follows them', async () => {
      const { store } = await under();
      const runId = await started(store);
      const seen: SignalEvent[] = [];
      const end = store.signals.subscribe(
        (event) => {
          if (event.kind === 'log' && event.runId === runId) seen.push(event);
        },
        () => undefined,
      );
      await store.logs.append(runId, 'pulled', { text: 'x\n' });
      await expect.poll(() => seen.length).toBeGreaterThan(0);
      const before = seen.length;
      await store.logs.close(runId, 'pulled');
      await expect.poll(() => seen.length).toBeGreaterThan(before);
      end();
    });

    test('are listed by entity, newest run first, and collected until they are closed', async () => {
      const { store } = await under();
      const entityId = randomUUID();
      const runIds = [await started(store, entityId), await started(store, entityId), await started(store, entityId)];
      const agentId = `runner-${randomUUID()}`;
      for (const runId of runIds) {
        await store.runs.update(runId, ({ record }) => ({ ...record, agentId, accepted: true, state: 'running' }));
      }
      const [first, second, third] = runIds as [string, string, string];
      await store.logs.append(first, 'pulled', { text: 'x\n' });
      await store.logs.append(third, 'pulled', { text: 'x\n' });
      expect(await store.logs.runsOf(entityId, 5)).toEqual([third, first]);
      await store.logs.close(third, 'pulled');
      const endedAt = 1_000;
      await store.runs.update(first, ({ record }) => ({ ...record, state: 'failed', endedAt }));
      const uncollected = async (endedAfter: number) =>
        (await store.runs.uncollected(agentId, endedAfter, 10)).map(({ runId }) => runId);
      expect(await uncollected(endedAt - 1)).toEqual([second, first]);
      expect(await uncollected(endedAt)).toEqual([second]);
    });

    test('go when they are old', async () => {
      const { store, clock } = await under();
      const runId = await started(store);
      await store.logs.append(runId, 'pulled', { text: 'x\n' });
      await clock.advance(1_000);
      expect(await store.logs.expire(clock.now())).toBeGreaterThan(0);
      expect(await store.logs.read(runId, 0)).toMatchObject({ total: 0 });
    });
  });
}
