import { effectivePriority } from '@runner/protocol/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startOrder } from '../../src/server/queue-order.ts';
import { WorkQueue } from '../../src/server/work-queue.ts';
import { NOW, queued, workload } from './server-evidence.ts';

describe('the order of starts', () => {
  const rows = fc.array(fc.record({ priority: fc.integer({ min: -1_000, max: 1_000 }), waited: fc.nat(7_200_000) }), {
    maxLength: 30,
  });
  const make = (list: readonly { priority: number; waited: number }[]) =>
    list.map(({ priority, waited }, n) => queued({ runId: `run-${n}`, priority, queuedAt: NOW - waited }));

  it('never puts a run before one of higher effective priority', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const order = startOrder(make(list), NOW).map((row) => effectivePriority(row, NOW));
        expect(order).toEqual([...order].sort((a, b) => b - a));
      }),
    );
  });

  it('does not depend on the order in which the rows were read', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const all = make(list);
        expect(startOrder([...all].reverse(), NOW)).toEqual(startOrder(all, NOW));
      }),
    );
  });

  it('lets every run come first in the end, whatever keeps arriving', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000, max: 1_000 }), fc.integer({ min: -1_000, max: 1_000 }), (old, fresh) => {
        const waited = queued({ runId: 'old', priority: old, queuedAt: NOW });
        const later = NOW + (Math.max(0, fresh - old) + 1) * 60_000;
        const arriving = queued({ runId: 'new', priority: fresh, queuedAt: later });
        expect(startOrder([arriving, waited], later)[0]?.runId).toBe('old');
      }),
    );
  });

  it('gives no points to a run that was queued in the future by a clock that stepped back', () => {
    expect(effectivePriority(queued({ priority: 5, queuedAt: NOW + 3_600_000 }), NOW)).toBe(5);
  });

  it('begins with runs whose workload stands already, and leaves out what needs no start', () => {
    const standing = queued({ runId: 'b', workload: workload(), priority: -9 });
    const others = [
      queued({ runId: 'a', priority: 9 }),
      queued({ runId: 'c', accepted: true }),
      queued({ runId: 'd', want: 'cancel' }),
      queued({ runId: 'e', state: 'failed' }),
    ];
    expect(startOrder([...others, standing], NOW).map((row) => row.runId)).toEqual(['b', 'a']);
  });
});

describe('the work queue', () => {
  it('runs one job at a time, in order, and goes on after one that fails', async () => {
    const failures: unknown[] = [];
    const queue = new WorkQueue({ maxJobs: 10, maxBytes: 100, failed: (error) => failures.push(error) });
    const log: string[] = [];
    const job = (name: string) => async () => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
    };
    queue.push(job('one'));
    queue.push(() => Promise.reject(new Error('two fails')));
    queue.push(job('three'));
    expect(queue.idle).toBe(false);
    await queue.drained();
    expect(queue.idle).toBe(true);
    expect(log).toEqual(['one begins', 'one ends', 'three begins', 'three ends']);
    expect(failures).toEqual([new Error('two fails')]);
    await queue.drained();
  });

  it('takes no more than may wait, by number and by size', async () => {
    const queue = new WorkQueue({ maxJobs: 2, maxBytes: 100, failed: () => undefined });
    let release: () => void = () => undefined;
    const held = () => new Promise<void>((resolve) => (release = resolve));
    expect(queue.push(held, 60)).toBe(true);
    expect(queue.push(held, 41)).toBe(false);
    expect(queue.push(held, 40)).toBe(true);
    expect(queue.push(held)).toBe(true);
    expect(queue.push(held)).toBe(false);
    while (!queue.idle) {
      release();
      await Promise.resolve();
    }
    expect(queue.push(held, 100)).toBe(true);
    release();
    await queue.drained();
  });
});
