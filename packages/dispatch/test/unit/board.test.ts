import type { PresentObservation } from '@runner/executor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBoard, fingerprint, furtherOf } from '../../src/board.ts';
import { createBoundedSet } from '../../src/bounded-set.ts';

const seen = (overrides: Partial<PresentObservation> = {}): PresentObservation => ({
  presence: 'present',
  runId: 'r1',
  observedAt: 1,
  workload: { kind: 'Job', name: 'run-r1', uid: 'u1' },
  phase: 'pending',
  pipelineType: 'metadata',
  ...overrides,
});
const failed = (logTail: string): PresentObservation =>
  seen({ phase: 'ended', outcome: { result: 'failed', exitCode: 1, logTail } });

describe('the fingerprint of an observation', () => {
  it('leaves out when it was made', () => {
    expect(fingerprint(seen({ observedAt: 1 }))).toBe(fingerprint(seen({ observedAt: 2 })));
  });

  it.each([
    ['the phase', seen({ phase: 'running' })],
    ['the start', seen({ startedAt: 5 })],
    ['the end', seen({ endedAt: 5 })],
    ['the outcome', seen({ outcome: { result: 'succeeded' } })],
    ['the diagnosis', seen({ diagnosis: { category: 'image', code: 'x', message: 'y', permanent: false } })],
    ['being suspended', seen({ suspended: true })],
    ['the object itself', seen({ workload: { kind: 'Job', name: 'run-r1', uid: 'u2' } })],
  ])('differs with %s', (_what, other) => {
    expect(fingerprint(other)).not.toBe(fingerprint(seen()));
  });

  it('treats not suspended and nothing said about it alike', () => {
    expect(fingerprint(seen({ suspended: false }))).toBe(fingerprint(seen()));
  });

  it('leaves out the log tail, which a list may lack', () => {
    expect(fingerprint(failed('last words'))).toBe(fingerprint(failed('')));
    expect(fingerprint(failed('x'))).not.toBe(fingerprint(seen({ phase: 'ended', outcome: { result: 'failed' } })));
  });
});

describe('the board', () => {
  it('lets nothing follow the end of the same object, but a new object under the same name', () => {
    const board = createBoard();
    board.see(seen({ phase: 'ended', outcome: { result: 'succeeded' } }));
    expect(board.see(seen({ phase: 'running' }))).toMatchObject({ changed: false, stale: true });
    const again = seen({ phase: 'running', workload: { kind: 'Job', name: 'run-r1', uid: 'u2' } });
    expect(board.see(again)).toMatchObject({ changed: true, stale: false, now: { phase: 'running' } });
  });

  it('misses only what was not seen since the list began', () => {
    const board = createBoard();
    board.see(seen({ runId: 'old' }));
    const mark = board.mark();
    board.see(seen({ runId: 'new' }));
    expect(board.missing(new Set(), mark)).toEqual(['old']);
    expect(board.missing(new Set(['old']), mark)).toEqual([]);
    board.see(seen({ runId: 'old' }));
    expect(board.missing(new Set(), mark)).toEqual([]);
  });
});

describe('an answer and what the watch has seen meanwhile', () => {
  it('is the watch in the same phase: it may know by now why the workload waits', () => {
    const diagnosis = { category: 'scheduling', code: 'no_matching_node', message: 'x', permanent: false } as const;
    const waits = seen({ diagnosis });
    expect(furtherOf(seen(), waits)).toBe(waits);
  });

  it('is the later phase of one object, else the answer', () => {
    const running = seen({ phase: 'running' });
    expect(furtherOf(seen(), running)).toBe(running);
    expect(furtherOf(running, seen())).toBe(running);
    expect(furtherOf(running, undefined)).toBe(running);
    const other = seen({ phase: 'ended', workload: { kind: 'Job', name: 'run-r1', uid: 'u2' } });
    expect(furtherOf(running, other)).toBe(running);
    const unknown = { presence: 'unknown', runId: 'r1', observedAt: 1, reason: 'x' } as const;
    expect(furtherOf(unknown, running)).toBe(running);
  });
});

describe('a bounded set', () => {
  it('never holds more than its capacity and always the youngest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }).map(String)),
        fc.integer({ min: 1, max: 8 }),
        (all, capacity) => {
          const set = createBoundedSet(capacity);
          for (const member of all) set.add(member);
          const youngest = [...new Set([...all].reverse())].slice(0, capacity);
          expect(set.size).toBe(youngest.length);
          for (const member of youngest) expect(set.has(member)).toBe(true);
        },
      ),
    );
  });
});
