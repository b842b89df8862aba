import { randomUUID } from 'node:crypto';
import type { BusEvent, RunRecord } from '@runner/protocol/server';
import { describe, expect, test } from 'vitest';
import type { NewRun, RunRow } from '../../../src/store/ports.ts';
import { newRun } from '../run-fixtures.ts';
import type { StoreUnderTest } from '../store-contract.ts';

const ended = (record: RunRecord, part: Partial<RunRecord> = {}): RunRecord => ({
  ...record,
  state: 'failed',
  writtenBy: 'runner',
  endedAt: record.queuedAt + 1,
  ...part,
});
const ids = (rows: readonly RunRow[]): readonly string[] => rows.map((row) => row.record.runId);

export function runContract(under: () => Promise<StoreUnderTest>): void {
  describe('runs', () => {
    test('are kept whole, and their start is what the bridge sends', async () => {
      const { store } = await under();
      const run = newRun({ slot: 1_700_000_000_000, retryOf: randomUUID(), attempt: 2 });
      await store.runs.create(run);
      const row = Object.fromEntries(Object.entries(run).filter(([name]) => name !== 'concurrency'));
      expect(await store.runs.get(run.record.runId)).toEqual(row);
      expect(await store.runBook.get(run.record.runId)).toEqual(run.record);
      expect(await store.runBook.start(run.record.runId)).toEqual(run.start);
      expect(await store.runs.get(randomUUID())).toBeUndefined();
      expect(await store.runBook.start(randomUUID())).toBeUndefined();
    });

    test('are refused while as many of the same entity are open as may be', async () => {
      const { store } = await under();
      const first = newRun();
      const { entityId } = first;
      await store.runs.create(first);
      await expect(store.runs.create(newRun({ entityId }))).rejects.toMatchObject({
        code: 'run_in_progress',
        details: { runId: first.record.runId },
      });
      await store.runs.create(newRun({ entityId, concurrency: 2 }));
      await expect(store.runs.create(newRun({ entityId, concurrency: 2 }))).rejects.toMatchObject({
        code: 'run_in_progress',
      });
      expect(await store.runs.openOfEntity(entityId)).toHaveLength(2);
    });

    test('of one entity never overlap when many triggers race', async () => {
      const { store } = await under();
      const entityId = randomUUID();
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, () => store.runs.create(newRun({ entityId, concurrency: 2 }))),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    });

    test('have one id only', async () => {
      const { store } = await under();
      const run = newRun();
      await store.runs.create(run);
      const again: NewRun = newRun({ record: { runId: run.record.runId } });
      await expect(store.runs.create(again)).rejects.toMatchObject({ code: 'already_exists' });
    });

    test('tell the bus when they are made and when what is wanted of them changes', async () => {
      const { store } = await under();
      const seen: BusEvent[] = [];
      const agentId = `runner-${randomUUID()}`;
      const end = store.bus.subscribe(
        (event) => {
          if (event.agentId === agentId) seen.push(event);
        },
        () => undefined,
      );
      const run = newRun({ record: { agentId } });
      await store.runs.create(run);
      await expect.poll(() => seen.length).toBe(1);
      await store.runs.update(run.record.runId, ({ record }) => ({ ...record, state: 'running' }));
      await store.runs.update(run.record.runId, ({ record }) => ({ ...record, want: 'cancel' }));
      await expect.poll(() => seen.length).toBe(2);
      expect(seen[1]).toEqual({ kind: 'runs', agentId });
      end();
    });

    test('are listed newest first for their entity', async () => {
      const { store } = await under();
      const entityId = randomUUID();
      const runs = Array.from({ length: 3 }, () => newRun({ entityId, concurrency: 9 }));
      for (const run of runs) await store.runs.create(run);
      expect(ids(await store.runs.ofEntity(entityId, 2))).toEqual([runs[2]!.record.runId, runs[1]!.record.runId]);
    });

    test('lose no update when many write at once', async () => {
      const { store } = await under();
      const run = newRun();
      await store.runs.create(run);
      const { runId } = run.record;
      await Promise.all([
        ...Array.from({ length: 8 }, () =>
          store.runs.update(runId, ({ record }) => ({ ...record, priority: record.priority + 1 })),
        ),
        ...Array.from({ length: 8 }, () =>
          store.runBook.update(runId, (record) => record && { ...record, priority: record.priority + 1 }),
        ),
      ]);
      expect((await store.runs.get(runId))?.record.priority).toBe(16);
      await expect(store.runs.update(randomUUID(), () => undefined)).rejects.toMatchObject({ code: 'not_found' });
    });

    test('page through all open ones, and those of an agent are what concerns it', async () => {
      const { store, clock } = await under();
      const agentId = `runner-${randomUUID()}`;
      const [open, closed, cancelled] = [
        newRun({ record: { agentId } }),
        newRun({ record: { agentId } }),
        newRun({ record: { agentId } }),
      ];
      for (const run of [open, closed, cancelled]) await store.runs.create(run);
      await store.runs.update(closed.record.runId, ({ record }) => ended(record));
      const unfinished = { want: 'cancel', offered: true, endedAt: clock.now() } as const;
      await store.runs.update(cancelled.record.runId, ({ record }) => ended(record, unfinished));
      const concerning = (await store.runBook.open(agentId)).map(({ runId }) => runId).sort();
      expect(concerning).toEqual([open.record.runId, cancelled.record.runId].sort());

      const found: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await store.runs.open(2, after);
        found.push(...ids(page));
        after = page.at(-1)?.record.runId;
        if (after === undefined) break;
      }
      expect(found).toContain(open.record.runId);
      expect(found).not.toContain(closed.record.runId);
      expect(found).toEqual([...found].sort());
      expect(new Set(found).size).toBe(found.length);
    });

    test('are unsettled from their end until they are marked, and again when the ending is corrected', async () => {
      const { store } = await under();
      const run = newRun();
      const { runId } = run.record;
      await store.runs.create(run);
      const unsettled = async (): Promise<boolean> => ids(await store.runs.unsettled(10_000)).includes(runId);
      expect(await unsettled()).toBe(false);
      await store.runs.update(runId, ({ record }) => ended(record, { state: 'lost' }));
      expect(await unsettled()).toBe(true);
      await store.runs.markSettled(runId, 'lost');
      expect(await unsettled()).toBe(false);
      await store.runBook.update(runId, (record) => record && { ...record, goneAt: 5 });
      expect(await unsettled()).toBe(false);
      await store.runBook.update(runId, (record) => record && ended(record, { state: 'succeeded' }));
      expect(await unsettled()).toBe(true);
      await store.runs.markSettled(runId, 'lost');
      expect(await unsettled()).toBe(true);
      await store.runs.markSettled(runId);
      expect(await unsettled()).toBe(false);
    });

    test('page through the unsettled ones', async () => {
      const { store } = await under();
      const runs = Array.from({ length: 3 }, () => newRun());
      for (const run of runs) {
        await store.runs.create(run);
        await store.runs.update(run.record.runId, ({ record }) => ended(record));
      }
      const [first, second] = [...runs.map((run) => run.record.runId)].sort();
      const page = ids(await store.runs.unsettled(1, first));
      expect(page).toHaveLength(1);
      expect(page[0]! > first!).toBe(true);
      expect(page[0]! <= second!).toBe(true);
      for (const run of runs) await store.runs.markSettled(run.record.runId);
    });

    test('that nobody triggered are adopted by the bridge, without a start', async () => {
      const { store } = await under();
      const { record } = newRun({ record: { state: 'running', offered: true, accepted: true } });
      const result = await store.runBook.update(record.runId, (before) => (before === undefined ? record : undefined));
      expect(result).toEqual({ before: undefined, after: record });
      expect(await store.runs.get(record.runId)).toMatchObject({
        record,
        entityId: '',
        entityFqn: '',
        trigger: 'adopted',
      });
      expect(await store.runBook.start(record.runId)).toBeUndefined();
      const none = await store.runBook.update(randomUUID(), () => undefined);
      expect(none).toEqual({ before: undefined, after: undefined });
    });

    test('go with their entity once none is open', async () => {
      const { store } = await under();
      const run = newRun();
      await store.runs.create(run);
      await expect(store.runs.removeOfEntity(run.entityId)).rejects.toMatchObject({ code: 'run_in_progress' });
      await store.runs.update(run.record.runId, ({ record }) => ended(record));
      await store.runs.removeOfEntity(run.entityId);
      expect(await store.runs.get(run.record.runId)).toBeUndefined();
    });

    test('keep the newest progress', async () => {
      const { store, clock } = await under();
      const run = newRun();
      const { runId } = run.record;
      await expect(store.progress.put(runId, {})).rejects.toMatchObject({ code: 'not_found' });
      await store.runs.create(run);
      expect(await store.progress.get(runId)).toBeUndefined();
      await store.progress.put(runId, { updateType: 'DISCOVERY' });
      await store.progress.put(runId, { updateType: 'PROCESSING', progress: { table: { total: 3 } } });
      expect(await store.progress.get(runId)).toEqual({
        runId,
        update: { updateType: 'PROCESSING', progress: { table: { total: 3 } } },
        sequence: 2,
        updatedAt: clock.now(),
      });
    });
  });
}
