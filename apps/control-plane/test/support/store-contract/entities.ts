import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Entity, JsonObject } from '../../../src/store/ports.ts';
import type { StoreUnderTest } from '../store-contract.ts';

const entity = (fqn: string, json: JsonObject = {}): Omit<Entity, 'revision' | 'updatedAt'> => ({
  id: randomUUID(),
  kind: 'databaseService',
  name: fqn,
  fqn,
  updatedBy: 'admin',
  json,
});
const unique = (): string => randomUUID().slice(0, 8);

export function entityContract(under: () => Promise<StoreUnderTest>): void {
  describe('entities', () => {
    test('are found by id and by FQN, with their first revision', async () => {
      const { store, clock } = await under();
      const made = await store.entities.create(entity(`w-${unique()}`, { note: 'ü', deep: { list: [1, null] } }));
      expect(made).toMatchObject({
        revision: 1,
        updatedAt: clock.now(),
        json: { note: 'ü', deep: { list: [1, null] } },
      });
      expect(await store.entities.byId('databaseService', made.id)).toEqual(made);
      expect(await store.entities.byFqn('databaseService', made.fqn)).toEqual(made);
      expect(await store.entities.byId('dashboardService', made.id)).toBeUndefined();
      expect(await store.entities.byFqn('databaseService', 'none')).toBeUndefined();
    });

    test('cannot be created twice under one FQN, but under two kinds', async () => {
      const { store } = await under();
      const fqn = `w-${unique()}`;
      await store.entities.create(entity(fqn));
      await expect(store.entities.create(entity(fqn))).rejects.toMatchObject({ code: 'already_exists' });
      await store.entities.create({ ...entity(fqn), kind: 'dashboardService' });
    });

    test('lose no update when many write at once', async () => {
      const { store } = await under();
      const { id } = await store.entities.create(entity(`w-${unique()}`, { count: 0 }));
      await Promise.all(
        Array.from({ length: 20 }, () =>
          store.entities.update('databaseService', id, ({ json }) => ({
            json: { count: Number(json['count']) + 1 },
            updatedBy: 'bot',
          })),
        ),
      );
      expect(await store.entities.byId('databaseService', id)).toMatchObject({
        json: { count: 20 },
        revision: 21,
        updatedBy: 'bot',
      });
    });

    test('stay as they are when the change says so, and say so when they are missing or were changed meanwhile', async () => {
      const { store } = await under();
      const made = await store.entities.create(entity(`w-${unique()}`));
      expect(await store.entities.update('databaseService', made.id, () => undefined)).toEqual(made);
      const change = (): { json: JsonObject; updatedBy: string } => ({ json: {}, updatedBy: 'x' });
      await expect(store.entities.update('databaseService', randomUUID(), change)).rejects.toMatchObject({
        code: 'not_found',
      });
      await expect(store.entities.update('databaseService', made.id, change, 7)).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await store.entities.update('databaseService', made.id, change, 1)).toMatchObject({ revision: 2 });
    });

    test('cannot take the FQN of another one', async () => {
      const { store } = await under();
      const [a, b] = [`a-${unique()}`, `b-${unique()}`];
      await store.entities.create(entity(a));
      const { id } = await store.entities.create(entity(b));
      const rename = store.entities.update('databaseService', id, ({ json }) => ({ json, fqn: a, updatedBy: 'x' }));
      await expect(rename).rejects.toMatchObject({ code: 'already_exists' });
      expect(await store.entities.byFqn('databaseService', b)).toMatchObject({ id });
    });

    test('are paged forwards and backwards in order of FQN', async () => {
      const { store } = await under();
      const group = unique();
      const fqns = ['a', 'b', 'c', 'd', 'e'].map((letter) => `${letter}-${group}`);
      for (const fqn of [...fqns].reverse()) await store.entities.create(entity(fqn, { group }));
      const list = async (cursor: { after?: string; before?: string } = {}) => {
        const page = await store.entities.list({ kind: 'databaseService', limit: 2, where: { group }, ...cursor });
        expect(page.total).toBe(5);
        return { ...page, fqns: page.data.map((found) => found.fqn) };
      };
      const first = await list();
      expect(first.fqns).toEqual(fqns.slice(0, 2));
      expect(first.before).toBeUndefined();
      const second = await list({ after: first.after! });
      expect(second.fqns).toEqual(fqns.slice(2, 4));
      const third = await list({ after: second.after! });
      expect(third.fqns).toEqual(fqns.slice(4));
      expect(third.after).toBeUndefined();
      const back = await list({ before: third.before! });
      expect(back.fqns).toEqual(fqns.slice(2, 4));
      expect((await list({ before: back.before! })).fqns).toEqual(fqns.slice(0, 2));
    });

    test('are selected by fields, nested ones and ones that are no text', async () => {
      const { store } = await under();
      const group = unique();
      const make = (json: JsonObject): Promise<Entity> => store.entities.create(entity(unique(), { group, ...json }));
      const wanted = await make({ service: { id: 's1' }, deployed: true });
      await make({ service: { id: 's2' }, deployed: true });
      await make({ service: { id: 's1' }, deployed: false });
      await make({ service: 's1' });
      const where = { group, 'service.id': 's1', deployed: 'true' };
      const page = await store.entities.list({ kind: 'databaseService', limit: 10, where });
      expect(page.data.map(({ id }) => id)).toEqual([wanted.id]);
      expect((await store.entities.list({ kind: 'databaseService', limit: 0, where })).total).toBe(1);
    });

    test('refuse a cursor that they did not give out', async () => {
      const { store } = await under();
      for (const after of ['%%%', 'äö', 'AA==']) {
        const listing = store.entities.list({ kind: 'databaseService', limit: 2, after });
        await expect(listing).rejects.toMatchObject({ code: 'invalid_cursor' });
      }
    });

    test('can be removed once', async () => {
      const { store } = await under();
      const { id } = await store.entities.create(entity(unique()));
      expect(await store.entities.remove('dashboardService', id)).toBe(false);
      expect(await store.entities.remove('databaseService', id)).toBe(true);
      expect(await store.entities.remove('databaseService', id)).toBe(false);
    });
  });
}
