import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RunStart } from '../../messages.ts';
import type { RunBook, RunRecord } from '../../server/ports.ts';
import { CORRECTABLE_MS } from '../../server/run-states.ts';
import { sampleStart } from '../samples.ts';

/** A RunBook over an empty store. */
export interface RunBookSubject extends AsyncDisposable {
  readonly book: RunBook;
  /** The book's idea of now, epoch milliseconds. */
  now(): number;
  /** Puts a run there as the owner of the store does it: with its row and what to send for a start. */
  put(row: RunRecord, start: RunStart): Promise<void>;
}

const AGENT = 'agent-of-the-contract';
function queued(over: Partial<RunRecord> = {}): RunRecord {
  return {
    runId: randomUUID(),
    agentId: AGENT,
    state: 'queued',
    want: 'run',
    offered: false,
    accepted: false,
    writtenBy: 'controlPlane',
    priority: 0,
    pipelineType: 'metadata',
    queuedAt: 1_767_225_600_000,
    deadlineSeconds: 7_200,
    ...over,
  };
}

const startOf = ({ runId, pipelineType }: RunRecord): RunStart => sampleStart({ runId, pipelineType });

/** A row that has every field. */
const whole = (now: number): RunRecord => ({
  ...queued(),
  state: 'failed',
  want: 'cancel',
  offered: true,
  accepted: true,
  scopeId: 'scope',
  writtenBy: 'runner',
  priority: -7,
  acceptedAt: now - 900,
  startedAt: now - 800,
  endedAt: now - 10,
  goneAt: now,
  workload: { kind: 'Job', name: 'run-1', uid: 'uid-1' },
  diagnosis: {
    category: 'image',
    code: 'image_not_found',
    message: 'No such image: »é𝒳«.',
    hint: 'x',
    permanent: true,
  },
  outcome: { result: 'failed', exitCode: 137, signal: 'SIGKILL', logTail: 'last\nlines\n' },
  reason: 'image_not_found',
});

/** What every RunBook does, whatever keeps its rows. Call it at the top of a vitest file. */
export function runBookContract(name: string, make: () => Promise<RunBookSubject>): void {
  describe(`${name} as a RunBook`, () => {
    readingCases(make);
    updateCases(make);
  });
}

function readingCases(make: () => Promise<RunBookSubject>): void {
  it('gives every row exactly as it was put there or written', async () => {
    await using subject = await make();
    const row = queued();
    await subject.put(row, startOf(row));
    expect(await subject.book.get(row.runId)).toEqual(row);
    const full = { ...whole(subject.now()), runId: row.runId };
    await subject.book.update(row.runId, () => full);
    expect(await subject.book.get(row.runId)).toEqual(full);
    await subject.book.update(row.runId, () => row);
    expect(await subject.book.get(row.runId)).toEqual(row);
  });

  it('knows nothing of a run that it was never given', async () => {
    await using subject = await make();
    const runId = randomUUID();
    expect(await subject.book.get(runId)).toBeUndefined();
    expect(await subject.book.start(runId)).toBeUndefined();
    expect(await subject.book.open(AGENT)).toEqual([]);
  });

  it('gives the same start each time', async () => {
    await using subject = await make();
    const row = queued();
    await subject.put(row, startOf(row));
    const first = await subject.book.start(row.runId);
    expect(first).toMatchObject({ runId: row.runId, pipelineType: row.pipelineType });
    await subject.book.update(row.runId, (one) => one && { ...one, offered: true });
    expect(await subject.book.start(row.runId)).toEqual(first);
  });

  it('lists the open rows of one agent and no others', async () => {
    await using subject = await make();
    const mine = [queued(), queued({ state: 'running', offered: true, accepted: true, scopeId: 'scope' })];
    const others = [queued({ agentId: 'somebody' }), { ...whole(subject.now()), runId: randomUUID() }];
    for (const row of [...mine, ...others]) await subject.put(row, startOf(row));
    const listed = await subject.book.open(AGENT);
    expect(listed.map((row) => row.runId).sort()).toEqual(mine.map((row) => row.runId).sort());
  });

  it('lists a closed row while a cancel still waits for its workload, for a week', async () => {
    await using subject = await make();
    const now = subject.now();
    const closed = { state: 'failed', want: 'cancel', offered: true } as const;
    const waiting = queued({ ...closed, endedAt: now - 1_000 });
    const gone = queued({ ...closed, endedAt: now - 1_000, goneAt: now - 500 });
    const old = queued({ ...closed, endedAt: now - CORRECTABLE_MS - 1_000 });
    for (const row of [waiting, gone, old]) await subject.put(row, startOf(row));
    expect((await subject.book.open(AGENT)).map((row) => row.runId)).toEqual([waiting.runId]);
  });
}

function updateCases(make: () => Promise<RunBookSubject>): void {
  it('says how the row was and how it is, also when nothing was changed', async () => {
    await using subject = await make();
    const row = queued();
    await subject.put(row, startOf(row));
    const next = { ...row, offered: true };
    expect(await subject.book.update(row.runId, () => next)).toEqual({ before: row, after: next });
    expect(await subject.book.update(row.runId, () => undefined)).toEqual({ before: next, after: next });
    const nothing = await subject.book.update(randomUUID(), () => undefined);
    expect([nothing.before, nothing.after]).toEqual([undefined, undefined]);
  });

  it('creates a row for a run that it did not know, without a start', async () => {
    await using subject = await make();
    const row = queued({ state: 'running', offered: true, accepted: true, scopeId: 'scope', writtenBy: 'runner' });
    const { before, after } = await subject.book.update(row.runId, () => row);
    expect([before, after]).toEqual([undefined, row]);
    expect((await subject.book.open(AGENT)).map((one) => one.runId)).toEqual([row.runId]);
    expect(await subject.book.start(row.runId)).toBeUndefined();
  });

  it('leaves the row alone when the change throws, and says so', async () => {
    await using subject = await make();
    const row = queued();
    await subject.put(row, startOf(row));
    const refuse = (): RunRecord => {
      throw new Error('not today');
    };
    await expect(subject.book.update(row.runId, refuse)).rejects.toThrow('not today');
    expect(await subject.book.get(row.runId)).toEqual(row);
  });

  it('loses no update when many meet', async () => {
    await using subject = await make();
    const row = queued();
    await subject.put(row, startOf(row));
    const raise = (one: RunRecord | undefined) => one && { ...one, priority: one.priority + 1 };
    const updates = await Promise.all(Array.from({ length: 40 }, () => subject.book.update(row.runId, raise)));
    expect((await subject.book.get(row.runId))?.priority).toBe(40);
    const seen = updates.map((update) => update.before?.priority).sort((a = 0, b = 0) => a - b);
    expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });

  it('creates a row once when many want to', async () => {
    await using subject = await make();
    const row = queued({ state: 'running', offered: true, accepted: true, scopeId: 'scope', priority: 1 });
    const raise = (one: RunRecord | undefined) => (one === undefined ? row : { ...one, priority: one.priority + 1 });
    const updates = await Promise.all(Array.from({ length: 20 }, () => subject.book.update(row.runId, raise)));
    expect((await subject.book.get(row.runId))?.priority).toBe(20);
    expect(updates.filter((update) => update.before === undefined)).toHaveLength(1);
  });
}
