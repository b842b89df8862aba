import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyedLock } from '../../src/keyed-lock.ts';
import { folderError } from '../../src/place.ts';
import {
  UnreadableRecord,
  parseClaim,
  parseIntent,
  parseLaunch,
  parseOutcome,
  parseProcess,
} from '../../src/record-checks.ts';
import { writeOnce } from '../../src/write-once.ts';

const identity = { pid: 42, startTime: '1', bootId: 'b' };
const run = {
  runId: 'r',
  owner: { controlPlaneId: 'c', agentId: 'a' },
  kind: 'pipeline',
  pipelineType: 'metadata',
  workloadName: 'w',
  deadlineSeconds: 1,
  graceMs: 1,
  maxLogBytes: 1,
};
const good = {
  claim: [parseClaim, { version: 1, nonce: 'n', claimedAt: 1, supervisor: identity, run }],
  process: [parseProcess, { version: 1, program: identity, startedAt: 1 }],
  intent: [parseIntent, { version: 1, reason: 'cancelled', requestedAt: 1 }],
  outcome: [parseOutcome, { version: 1, endedAt: 1, log: { kept: 1, total: 1 } }],
  launch: [parseLaunch, { version: 1, run, command: ['x'], workingDirectory: '/', environment: { A: 'b' } }],
} as const;

describe('the files of a run', () => {
  it.each(Object.entries(good))('a %s is read as it was written', (_, [parse, record]) => {
    expect(parse(JSON.stringify(record))).toEqual(record);
  });

  it.each(Object.entries(good))(
    'a %s that lacks anything, or is of another version, is not understood',
    (_, [parse, record]) => {
      for (const key of Object.keys(record).filter((name) => name !== 'requestedAt')) {
        expect(() => parse(JSON.stringify({ ...record, [key]: undefined }))).toThrow(UnreadableRecord);
        expect(() => parse(JSON.stringify({ ...record, [key]: [] }))).toThrow(UnreadableRecord);
      }
      expect(() => parse(JSON.stringify({ ...record, version: 2 }))).toThrow(UnreadableRecord);
      expect(() => parse(JSON.stringify(record).slice(0, -1))).toThrow(UnreadableRecord);
    },
  );

  it('never name a pid that means a whole class of processes', () => {
    for (const pid of [-1, 0, 1]) {
      const record = { ...good.process[1], program: { ...identity, pid } };
      expect(() => parseProcess(JSON.stringify(record))).toThrow(UnreadableRecord);
    }
  });

  it('no text at all does worse than not being understood', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseOutcome(text)).toThrow(UnreadableRecord);
      }),
    );
  });

  it('are written by one of many, whole, and for this user only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'write-once-'));
    try {
      const records = Array.from({ length: 20 }, (_, writer) => ({ writer, filler: 'x'.repeat(10_000) }));
      const written = await Promise.all(records.map((record) => writeOnce(folder, 'claim.json', record)));
      expect(written.filter(Boolean)).toHaveLength(1);
      const { writer } = JSON.parse(await readFile(join(folder, 'claim.json'), 'utf8')) as { writer: number };
      expect(written[writer]).toBe(true);
      expect(await readdir(folder)).toEqual(['claim.json']);
      expect((await stat(join(folder, 'claim.json'))).mode & 0o777).toBe(0o600);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('trouble with the folder', () => {
  it('is waited for when the disk is full, and an outage otherwise', () => {
    const of = (code: string) => folderError('/runs', Object.assign(new Error('x'), { code }));
    expect(of('ENOSPC')).toMatchObject({ code: 'executor_waiting', retryable: true });
    expect(of('EDQUOT')).toMatchObject({ code: 'executor_waiting', retryable: true });
    expect(of('EACCES')).toMatchObject({ code: 'executor_unavailable', retryable: true });
  });
});

describe('one at a time', () => {
  it('keeps the order of one key, lets other keys go ahead, and goes on after a failure', async () => {
    const lock = keyedLock();
    const order: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const first = lock('a', async () => {
      await held;
      order.push('a1');
      throw new Error('no');
    });
    const second = lock('a', () => Promise.resolve(order.push('a2')));
    await lock('b', () => Promise.resolve(order.push('b1')));
    release();
    await expect(first).rejects.toThrow('no');
    await second;
    expect(order).toEqual(['b1', 'a1', 'a2']);
  });
});
