import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/client.ts';
import { parsedEvents } from '../../src/client.ts';
import { progressText } from '../../src/main-job.ts';
import { resultTable, shortcoming } from '../../src/result.ts';

const run = (state: string, status: Json) => ({ runId: 'r', state, status, logTail: [], durationMs: 1_500 });
const counts = {
  schemas: 3,
  tables: 16,
  views: 4,
  columns: 97,
  foreignKeys: 20,
  rowsProfiled: 62_209,
  durationMs: 300,
};

describe('the result of the demo', () => {
  it('is good only when tables were found and rows were profiled', () => {
    expect(shortcoming(run('success', { metadata: counts }))).toBeUndefined();
    expect(shortcoming(run('success', {}))).toContain('names no tables');
    expect(shortcoming(run('success', { metadata: { ...counts, rowsProfiled: 0 } }))).toContain('no rows');
  });

  it('of a bad run says what the steps say', () => {
    const status = {
      status: [{ name: 'Postgres', failures: [{ name: 'demo_shop', error: 'the password is wrong' }] }],
    };
    expect(shortcoming(run('failed', status))).toBe('the run is failed\n  Postgres: demo_shop: the password is wrong');
    expect(shortcoming(run('still running', {}))).toBe('the run is still running');
  });

  it('is a table of figures, with dashes for those that nobody gave', () => {
    expect(resultTable(run('success', { metadata: counts }))).toMatch(/│ rows profiled +│ 62,209 │/);
    expect(resultTable(run('failed', {}))).toMatch(/│ tables +│ +– │/);
  });
});

describe('live progress', () => {
  it('says how many tables are done and which is next', () => {
    const update = { progress: { tables: { total: 17, processed: 12 } }, currentEntity: 'sales.orders' };
    expect(progressText(update)).toBe('12 of 17 tables, sales.orders');
    expect(progressText({})).toBe('');
  });

  it('is read from a stream of events, however it is cut', async () => {
    const text = ': hello\n\nid: 1\ndata: {"a":"ä"}\n\ndata: no json\n\ndata: {"b":2}\n\n';
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size += 1) {
      const chunks = async function* (): AsyncIterable<Uint8Array> {
        for (let from = 0; from < bytes.length; from += size) {
          await Promise.resolve();
          yield bytes.subarray(from, from + size);
        }
      };
      const events: Json[] = [];
      for await (const event of parsedEvents(chunks())) events.push(event);
      expect(events).toEqual([{ a: 'ä' }, {}, { b: 2 }]);
    }
  });
});
