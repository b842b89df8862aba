import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TokenRow } from '../../../src/store/ports.ts';
import { newRun } from '../run-fixtures.ts';
import type { StoreUnderTest } from '../store-contract.ts';

export function smallTablesContract(under: () => Promise<StoreUnderTest>): void {
  describe('settings', () => {
    test('are made once, even when many ask at once', async () => {
      const { store } = await under();
      const key = randomUUID();
      const made = await Promise.all(
        Array.from({ length: 6 }, (_, n) => store.settings.getOrCreate(key, () => Promise.resolve({ n }))),
      );
      expect(new Set(made.map((value) => JSON.stringify(value))).size).toBe(1);
      expect(await store.settings.get(key)).toEqual(made[0]);
      await store.settings.put(key, { n: 'new' });
      expect(await store.settings.get(key)).toEqual({ n: 'new' });
      expect(await store.settings.get(randomUUID())).toBeUndefined();
    });
  });

  describe('statuses', () => {
    const status = (runId: string, timestamp: number, more: object = {}) => ({
      status: { runId, timestamp, pipelineState: 'running', ...more },
      writtenBy: 'main' as const,
    });

    test('are created and changed atomically, and left alone when the change says so', async () => {
      const { store, clock } = await under();
      const [fqn, runId] = [`w.${randomUUID()}`, randomUUID()];
      expect(await store.statuses.update(fqn, runId, () => undefined)).toBeUndefined();
      await Promise.all(
        Array.from({ length: 8 }, () =>
          store.statuses.update(fqn, runId, (row) => status(runId, 5, { n: Number(row?.status['n'] ?? 0) + 1 })),
        ),
      );
      const row = await store.statuses.get(fqn, runId);
      expect(row).toMatchObject({
        pipelineFqn: fqn,
        runId,
        writtenBy: 'main',
        updatedAt: clock.now(),
        status: { n: 8 },
      });
      expect(await store.statuses.update(fqn, runId, () => undefined)).toEqual(row);
    });

    test('are listed newest first within a range, and removed', async () => {
      const { store } = await under();
      const fqn = `w.${randomUUID()}`;
      for (const timestamp of [20, 10, 30]) {
        const runId = `run-${timestamp}`;
        await store.statuses.update(fqn, runId, () => status(runId, timestamp));
      }
      const list = async (query: { startTs?: number; endTs?: number; limit: number }) =>
        (await store.statuses.list(fqn, query)).map((row) => row.runId);
      expect(await list({ limit: 2 })).toEqual(['run-30', 'run-20']);
      expect(await list({ startTs: 10, endTs: 20, limit: 5 })).toEqual(['run-20', 'run-10']);
      expect(await store.statuses.remove(fqn, 'run-20')).toBe(1);
      expect(await store.statuses.remove(fqn, 'run-20')).toBe(0);
      expect(await store.statuses.remove(fqn)).toBe(2);
    });
  });

  describe('tokens', () => {
    test('are listed by role and agent, revoked once, and known to have ended', async () => {
      const { store } = await under();
      const agentId = `runner-${randomUUID()}`;
      const row = (part: Partial<TokenRow>): TokenRow => ({
        id: randomUUID(),
        role: 'runner',
        subject: 'x',
        createdAt: 1,
        agentId,
        ...part,
      });
      const [kept, revoked, expiring] = [row({}), row({ createdAt: 2 }), row({ createdAt: 3, expiresAt: 50 })];
      for (const token of [kept, revoked, expiring]) await store.tokens.add(token);
      await expect(store.tokens.add(kept)).rejects.toMatchObject({ code: 'already_exists' });
      expect(await store.tokens.get(kept.id)).toEqual(kept);
      expect(await store.tokens.list({ role: 'runner', agentId })).toEqual([expiring, revoked, kept]);
      expect(await store.tokens.list({ role: 'admin', agentId })).toEqual([]);
      expect(await store.tokens.revoke(revoked.id, 40)).toBe(true);
      expect(await store.tokens.revoke(revoked.id, 41)).toBe(false);
      expect(await store.tokens.revoke(randomUUID(), 41)).toBe(false);
      expect((await store.tokens.get(revoked.id))?.revokedAt).toBe(40);
      const all = [kept.id, revoked.id, expiring.id, randomUUID()];
      expect(await store.tokens.endedAmong(all, 39)).toEqual([]);
      expect([...(await store.tokens.endedAmong(all, 50))].sort()).toEqual([revoked.id, expiring.id].sort());
    });
  });

  describe('runners', () => {
    test('are created once by name and found again', async () => {
      const { store, clock } = await under();
      const name = `runner-${randomUUID()}`;
      const made = await store.runners.create({ id: randomUUID(), name, kind: 'hybrid', displayName: 'Berlin' });
      expect(made).toMatchObject({ name, kind: 'hybrid', displayName: 'Berlin', revoked: false, active: false });
      expect(made.createdAt).toBe(clock.now());
      await expect(store.runners.create({ id: randomUUID(), name, kind: 'saas' })).rejects.toMatchObject({
        code: 'already_exists',
      });
      expect(await store.runners.ensure(name)).toEqual(made);
      expect(await store.runners.byId(made.id)).toEqual(made);
      expect(await store.runners.byName(name)).toEqual(made);
      expect((await store.runners.list()).map((row) => row.name)).toContain(name);
    });

    test('are registered by being ensured, by two at once too', async () => {
      const { store } = await under();
      const name = `runner-${randomUUID()}`;
      const [a, b] = await Promise.all([store.runners.ensure(name), store.runners.ensure(name)]);
      expect(a).toMatchObject({ name, kind: 'hybrid', revoked: false });
      expect(b.id).toBe(a.id);
    });

    test('remember when they were seen and what they said', async () => {
      const { store } = await under();
      const { name, id } = await store.runners.ensure(`runner-${randomUUID()}`);
      await store.runners.seen(name, 100, { executor: 'local' });
      await store.runners.seen(name, 200);
      expect(await store.runners.byId(id)).toMatchObject({ lastSeenAt: 200, info: { executor: 'local' } });
      await store.runners.seenAll([name, 'unknown'], 300);
      expect(await store.runners.byId(id)).toMatchObject({ lastSeenAt: 300 });
    });

    test('are active for as long as a lease holds', async () => {
      const { store, clock } = await under();
      const { name } = await store.runners.ensure(`runner-${randomUUID()}`);
      const claim = {
        agentId: name,
        instanceId: randomUUID(),
        sessionId: randomUUID(),
        replicaId: 'r1',
        scopeId: 's1',
      };
      expect(await store.agentBook.claim(claim, 1_000)).toMatchObject({ role: 'active', epoch: 1 });
      expect((await store.runners.byName(name))?.active).toBe(true);
      await clock.advance(1_001);
      expect((await store.runners.byName(name))?.active).toBe(false);
    });

    test('are changed, and removed once', async () => {
      const { store } = await under();
      const { id } = await store.runners.ensure(`runner-${randomUUID()}`);
      expect(await store.runners.update(id, { revoked: true, description: 'old' })).toMatchObject({
        revoked: true,
        description: 'old',
      });
      await expect(store.runners.update(randomUUID(), {})).rejects.toMatchObject({ code: 'not_found' });
      expect(await store.runners.remove(id)).toBe(true);
      expect(await store.runners.remove(id)).toBe(false);
    });

    test('may work in another scope once theirs was released', async () => {
      const { store } = await under();
      const { name } = await store.runners.ensure(`runner-${randomUUID()}`);
      const run = newRun({ record: { agentId: name, offered: true, accepted: true, state: 'running', scopeId: 's1' } });
      await store.runs.create(run);
      const rival = {
        agentId: name,
        instanceId: randomUUID(),
        sessionId: randomUUID(),
        replicaId: 'r1',
        scopeId: 's2',
      };
      expect(await store.agentBook.claim(rival, 1_000)).toMatchObject({ role: 'blocked' });
      await store.runners.releaseScope(name);
      expect(await store.agentBook.claim(rival, 1_000)).toMatchObject({ role: 'active' });
    });
  });

  describe('slots', () => {
    test('are taken by one of many, and remember what came of them', async () => {
      const { store } = await under();
      const pipelineId = randomUUID();
      expect(await store.slots.last(pipelineId)).toBeUndefined();
      const taken = await Promise.all(Array.from({ length: 5 }, () => store.slots.take(pipelineId, 60_000)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await store.slots.last(pipelineId)).toEqual({ slot: 60_000 });
      await store.slots.record(pipelineId, 60_000, { fired: 'run-1' });
      await store.slots.record(pipelineId, 120_000, { skipped: 'missed' });
      expect(await store.slots.last(pipelineId)).toEqual({ slot: 120_000, skipped: 'missed' });
      expect(await store.slots.history(pipelineId, 5)).toEqual([
        { slot: 120_000, skipped: 'missed' },
        { slot: 60_000, fired: 'run-1' },
      ]);
      expect(await store.slots.take(pipelineId, 120_000)).toBe(false);
    });
  });
}
