import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, CUT_MARKER } from '../../src/store/logs/layout.ts';
import type { PostgresStore } from '../../src/store/index.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { clock, query, testPostgres } from '../support/postgres.ts';
import { newRun } from '../support/run-fixtures.ts';

const MIB = 1_048_576;

let postgres: TestPostgres;
let url: string;
let store: PostgresStore;
/** The same database with a smaller limit. */
let small: PostgresStore;
beforeAll(async () => {
  postgres = await testPostgres();
  url = await postgres.database();
  store = await postgres.store({ url });
  small = await postgres.store({ url, logMaxBytes: 4 * MIB });
});
afterAll(async () => {
  await small.close();
  await store.close();
  await postgres[Symbol.asyncDispose]();
});

async function newLog(entityId = randomUUID()): Promise<string> {
  const run = newRun({ entityId, concurrency: 100 });
  await store.runs.create(run);
  return run.record.runId;
}

/** About one MiB of lines that say where they stand and do not compress to nothing. */
function megabyte(index: number): string {
  const lines = Array.from(
    { length: 8_000 },
    (_, n) => `${index}.${n} ${((index * 8_191 + n) * 2_654_435_761).toString(36).padEnd(110, 'ö')}`,
  );
  return `${lines.join('\n')}\n`;
}

const rows = async (sql: string, runId: string) => (await query(url, sql, [runId])) as { n: number }[];

describe('a stored log', () => {
  test('of any size has chunks of at most 983,040 bytes that together are the text', async () => {
    const runId = await newLog();
    let whole = '';
    for (let index = 0; index < 5; index += 1) {
      const text = megabyte(index);
      whole += text;
      await store.logs.append(runId, 'pulled', { text });
    }
    const { total } = await store.logs.read(runId, 0);
    expect(total).toBe(Math.ceil(Buffer.byteLength(whole) / CHUNK_BYTES));
    let read = '';
    for (let index = 0; index < total; index += 1) {
      const { text = '' } = await store.logs.read(runId, index);
      const bytes = Buffer.byteLength(text);
      expect(bytes).toBeLessThanOrEqual(CHUNK_BYTES);
      if (index < total - 1) expect(bytes).toBeGreaterThan(CHUNK_BYTES - 4);
      read += text;
    }
    expect(read === whole).toBe(true);
  });

  test('takes little room: it is compressed, and a slow one is put together', async () => {
    const runId = await newLog();
    for (let n = 0; n < 600; n += 1) await store.logs.append(runId, 'pulled', { text: `line ${n} of a slow log\n` });
    const [parts] = await rows('select count(*)::int as n from log_parts where run_id = $1', runId);
    expect(parts!.n).toBeLessThan(257);
    expect((await store.logs.read(runId, 0)).text?.split('\n')).toHaveLength(601);
    await store.logs.append(runId, 'posted', { text: 'the same line again and again\n'.repeat(30_000) });
    const [size] = await rows(
      `select sum(length(data))::int as n from log_parts where run_id = $1 and source = 'posted'`,
      runId,
    );
    expect(size!.n).toBeLessThan(50_000);
  });

  test('beyond its limit keeps the beginning and the newest; what was cut answers with the marker', async () => {
    const runId = await newLog();
    const texts = Array.from({ length: 12 }, (_, index) => megabyte(index));
    let rawTo = 0;
    for (const text of texts) rawTo = await small.logs.append(runId, 'pulled', { text });
    const whole = Buffer.from(texts.join(''));
    expect(rawTo).toBe(whole.length);
    const { total } = await small.logs.read(runId, 0);
    expect(total).toBe(Math.ceil(whole.length / CHUNK_BYTES));
    const pages = await Promise.all(Array.from({ length: total }, (_, index) => small.logs.read(runId, index)));
    const cut = pages.flatMap((page, index) => (page.cut === undefined ? [] : [index]));
    expect(cut[0]).toBe(2);
    expect(cut.every((index, n) => index === n + 2)).toBe(true);
    const next = cut.at(-1)! + 1;
    for (const index of cut) expect(pages[index]).toMatchObject({ text: CUT_MARKER, cut: { next } });
    const head = pages
      .slice(0, 2)
      .map((page) => page.text)
      .join('');
    expect(whole.subarray(0, Buffer.byteLength(head)).toString() === head).toBe(true);
    expect(Buffer.byteLength(head)).toBeGreaterThan(MIB);
    const tail = pages
      .slice(next)
      .map((page) => page.text)
      .join('');
    expect(whole.subarray(-Buffer.byteLength(tail)).toString() === tail).toBe(true);
    const [kept] = await rows('select sum(bytes)::int as n from log_parts where run_id = $1', runId);
    expect(kept!.n).toBeLessThanOrEqual(4 * MIB);
    expect(kept!.n).toBeGreaterThan(4 * MIB - 2 * CHUNK_BYTES);
  });

  test('is the same whatever overlaps and comes twice, from two replicas at once', async () => {
    const runId = await newLog();
    const text = megabyte(1).slice(0, 40_000).replaceAll('ö', 'o');
    const pieces = Array.from({ length: 40 }, (_, n) => ({
      rawFrom: Math.max(0, n * 1_000 - (n % 3) * 400),
      rawTo: (n + 1) * 1_000,
    }));
    const deliver = async (from: PostgresStore): Promise<void> => {
      for (const { rawFrom, rawTo } of pieces) {
        await from.logs.append(runId, 'pulled', { rawFrom, rawTo, text: text.slice(rawFrom, rawTo) });
      }
    };
    await Promise.all([deliver(store), deliver(small), deliver(store)]);
    expect((await store.logs.read(runId, 0)).text).toBe(text);
  });

  test('that a workload posts in parallel has every piece once', async () => {
    const runId = await newLog();
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => store.logs.append(runId, 'posted', { text: `piece ${n}\n` })),
    );
    const found = (await store.logs.read(runId, 0)).text!.trim().split('\n').sort();
    expect(found).toEqual(Array.from({ length: 30 }, (_, n) => `piece ${n}`).sort());
  });

  test('holds what is no text, and no credential', async () => {
    const runId = await newLog();
    await store.logs.append(runId, 'pulled', { text: 'nul \0 replaced \uFFFD lone \ud800\n' });
    await store.logs.append(runId, 'pulled', {
      text: 'password=not-a-real-one and eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl\n',
    });
    await store.logs.append(runId, 'pulled', { text: '-----BEGIN PRIVATE KEY-----\nnot/a/key\n' });
    await store.logs.append(runId, 'pulled', { text: 'still+not==\n-----END PRIVATE KEY-----\nafter\n' });
    expect((await store.logs.read(runId, 0)).text).toBe(
      'nul \0 replaced \uFFFD lone \uFFFD\npassword=[redacted] and [redacted]\n[redacted]\nafter\n',
    );
  });
});

describe('old logs', () => {
  test('are deleted after the retention, with their text; younger ones and tokens that still count stay', async () => {
    const entityId = randomUUID();
    const [old, young] = [await newLog(entityId), await newLog(entityId)];
    for (const runId of [old, young]) await store.logs.append(runId, 'pulled', { text: 'x\n' });
    const now = clock.now();
    await query(url, 'update run_logs set updated_at = $2 where run_id = $1', [old, now - 31 * 86_400_000]);
    const token = { role: 'user', subject: 'x', createdAt: 1 } as const;
    await store.tokens.add({ ...token, id: 'long expired', expiresAt: 10 });
    await store.tokens.add({ ...token, id: 'just expired', expiresAt: now - 1_000 });
    await store.tokens.add({ ...token, id: 'never expires' });
    const removed = await store.expire({ logsBefore: now - 30 * 86_400_000, tokensBefore: now - 86_400_000 });
    expect(removed).toEqual({ logs: 1, tokens: 1 });
    expect(await store.logs.runsOf(entityId, 10)).toEqual([young]);
    expect((await rows('select count(*)::int as n from log_parts where run_id = $1', old))[0]!.n).toBe(0);
    expect(await store.tokens.get('long expired')).toBeUndefined();
    expect(await store.tokens.get('just expired')).toBeDefined();
    expect(await store.tokens.get('never expires')).toBeDefined();
  });

  test('go with the runs of a deleted entity', async () => {
    const entityId = randomUUID();
    const runId = await newLog(entityId);
    await store.logs.append(runId, 'pulled', { text: 'x\n' });
    await store.runs.update(runId, ({ record }) => ({ ...record, state: 'failed', endedAt: 1 }));
    await store.runs.removeOfEntity(entityId);
    expect(await store.logs.state(runId, 'pulled')).toBeUndefined();
    expect((await rows('select count(*)::int as n from log_parts where run_id = $1', runId))[0]!.n).toBe(0);
  });
});
