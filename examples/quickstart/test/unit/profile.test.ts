import { RunnerError } from '@runner/core';
import { describe, expect, it } from 'vitest';
import type { Column, Table } from '../../src/catalogue.ts';
import type { Database } from '../../src/database.ts';
import { profileQuery, profileTable } from '../../src/profile.ts';

const column = (name: string, category: string): Column => ({
  name,
  category,
  type: 'any',
  nullable: true,
  comment: undefined,
});
const table = (columns: readonly Column[]): Table => ({
  schema: 'sales',
  name: 'orders',
  kind: 'table',
  comment: undefined,
  columns,
  primaryKey: [],
  foreignKeys: [],
  definition: undefined,
});

/** A database that gives these rows in turn and remembers what it was asked. */
function answering(...answers: (readonly unknown[] | Error)[]) {
  const asked: string[] = [];
  const database: Database = {
    rows: (sql) => {
      asked.push(sql);
      const answer = answers.shift() ?? [];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve([answer]);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { database, asked };
}

describe('the profile of a table', () => {
  it('has share of nulls, distinct values and extremes of each column', async () => {
    const { database } = answering(['10', '5', '3', '1', '9', '10', '2']);
    const profile = await profileTable(database, table([column('a', 'N'), column('b', 'B')]));
    expect(profile).toEqual({
      rows: 10,
      sampled: false,
      columns: [
        { name: 'a', nullShare: 0.5, distinct: 3, min: '1', max: '9' },
        { name: 'b', nullShare: 0, distinct: 2 },
      ],
    });
  });

  it('of an empty table has no nulls and no extremes', async () => {
    const { database } = answering(['0', '0', '0', null, null]);
    const { columns } = await profileTable(database, table([column('a', 'S')]));
    expect(columns).toEqual([{ name: 'a', nullShare: 0, distinct: 0 }]);
  });

  it('looks at so many rows and says when there may be more', async () => {
    const { database, asked } = answering(['100', '100', '1', 'x', 'x']);
    expect(await profileTable(database, table([column('a', 'S')]), { sampleRows: 100 })).toMatchObject({
      sampled: true,
    });
    expect(asked[0]).toContain('LIMIT 100');
  });

  it('of a very wide table is made in several questions', async () => {
    const wide = table(Array.from({ length: 450 }, (_, index) => column(`c${index}`, 'B')));
    const { database, asked } = answering(
      ...[200, 200, 50].map((count) => ['1', ...Array<string>(count * 2).fill('1')]),
    );
    expect((await profileTable(database, wide)).columns).toHaveLength(450);
    expect(asked).toHaveLength(3);
  });

  it('goes without extremes where a type has none', async () => {
    const failure = new RunnerError('quickstart_database', 'no min(x)', { details: { code: '42883' } });
    const { database, asked } = answering(failure, ['4', '4', '4']);
    const { columns } = await profileTable(database, table([column('a', 'N')]));
    expect(columns).toEqual([{ name: 'a', nullShare: 0, distinct: 4 }]);
    expect(asked[1]).not.toContain('min(');
  });

  it('quotes every name', () => {
    const hostile = { ...table([column('x"; DROP TABLE y; --', 'S')]), name: 'a"b' };
    expect(profileQuery(hostile, hostile.columns, 1)).toContain('"x""; DROP TABLE y; --"');
    expect(profileQuery(hostile, hostile.columns, 1)).toContain('FROM "sales"."a""b" LIMIT 1');
  });
});
