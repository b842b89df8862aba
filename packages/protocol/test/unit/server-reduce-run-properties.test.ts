import type { RunRecord, WrittenBy } from '@runner/protocol/server';
import {
  abandon,
  isClosed,
  isTerminal,
  rankOf,
  recordByExitStep,
  recordByMain,
  reduceRun,
  requestCancel,
  stateOrder,
} from '@runner/protocol/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Happening } from './server-evidence.ts';
import { AGENT, NOW, accepted, anyHappening, ended, happenings, live, play, queued, said } from './server-evidence.ts';

const RUNS = { numRuns: 3_000 };
const cancel: Happening = { name: 'cancel', apply: requestCancel };

describe('whatever happens to a row, in whatever order', () => {
  it('saying the same thing twice is saying it once', () => {
    fc.assert(
      fc.property(happenings, anyHappening, (before, what) => {
        const now = NOW + 60_000;
        const once = what.apply(play(before), now) ?? play(before);
        expect(what.apply(once, now)).toBeUndefined();
      }),
      RUNS,
    );
  });

  it('a terminal state changes only into a better founded one, or back to life when nobody saw the workload end', () => {
    fc.assert(
      fc.property(happenings, anyHappening, (before, what) => {
        const row = play(before);
        fc.pre(isClosed(row));
        const next = what.apply(row, NOW + 60_000);
        if (next === undefined || next.state === row.state) return;
        if (isClosed(next)) {
          const higher = rankOf(next.writtenBy) > rankOf(row.writtenBy);
          const found = row.outcome === undefined && (next.outcome !== undefined || row.state === 'lost');
          expect(higher || found).toBe(true);
          expect(next.state).not.toBe('lost');
        } else {
          expect(row.outcome).toBeUndefined();
          expect(rankOf(row.writtenBy)).toBeLessThanOrEqual(rankOf('runner'));
        }
      }),
      RUNS,
    );
  });

  it('an outcome that was seen is never changed or forgotten', () => {
    fc.assert(
      fc.property(happenings, happenings, (before, after) => {
        const row = play(before);
        fc.pre(row.outcome !== undefined);
        expect(play(after, row, NOW + 60_000)).toMatchObject({ outcome: row.outcome, goneAt: row.goneAt });
      }),
      RUNS,
    );
  });

  it('an open state never goes back, except to queued when what was never accepted is proven absent', () => {
    fc.assert(
      fc.property(happenings, anyHappening, (before, what) => {
        const row = play(before);
        const next = what.apply(row, NOW + 60_000) ?? row;
        if (isClosed(row) || stateOrder(next.state) >= stateOrder(row.state)) return;
        expect({ to: next.state, accepted: row.accepted, by: what.name }).toEqual({
          to: 'queued',
          accepted: false,
          by: expect.stringMatching(/^absent/) as string,
        });
      }),
      RUNS,
    );
  });

  it('a wish to cancel is never forgotten, and such a run is never running or started', () => {
    fc.assert(
      fc.property(happenings, happenings, (before, after) => {
        const row = play([cancel, ...after], play(before), NOW + 60_000);
        const asked = play([cancel], play(before), NOW + 60_000);
        fc.pre(asked.want === 'cancel');
        expect(row.want).toBe('cancel');
        expect(isTerminal(row.state) || row.state === 'cancelling').toBe(true);
      }),
      RUNS,
    );
  });

  it('becomes accepted only by an acceptance', () => {
    fc.assert(
      fc.property(happenings, (list) => {
        fc.pre(!list.some((one) => one.name.startsWith('accepted')));
        expect(play(list).accepted).toBe(false);
      }),
      RUNS,
    );
  });

  it('is lost only after it was accepted', () => {
    fc.assert(
      fc.property(happenings, (list) => {
        const row = play(list);
        if (row.state === 'lost') expect(row.accepted).toBe(true);
      }),
      RUNS,
    );
  });

  it('is cancelled only when somebody who can know said so', () => {
    fc.assert(
      fc.property(happenings, (list) => {
        const row = play(list, queued({ offered: true }));
        if (row.state === 'cancelled')
          expect(list.some((one) => one.name === 'cancelled' || one.name.endsWith('ended cancelled'))).toBe(true);
      }),
      RUNS,
    );
  });

  it('never touches what identifies the run', () => {
    fc.assert(
      fc.property(happenings, (list) => {
        const { runId, agentId, queuedAt, priority, pipelineType, deadlineSeconds } = queued();
        expect(play(list)).toMatchObject({ runId, agentId, queuedAt, priority, pipelineType, deadlineSeconds });
      }),
      RUNS,
    );
  });

  it('an adopted stray behaves like a row whose start was accepted', () => {
    const first = live('pending');
    const adopted = reduceRun(undefined, first, { now: NOW, agentId: AGENT })!;
    const regular = play([said('accepted', accepted(first))], queued({ offered: true }));
    fc.assert(
      fc.property(happenings, (list) => {
        const facts = ({ state, writtenBy, outcome, goneAt }: RunRecord) => ({ state, writtenBy, outcome, goneAt });
        expect(facts(play(list, adopted))).toEqual(facts(play(list, regular)));
      }),
      RUNS,
    );
  });
});

describe('who is believed', () => {
  interface Statement {
    readonly by: WrittenBy;
    readonly state: string;
    readonly happening: Happening;
  }
  const main = (state: 'succeeded' | 'partiallySucceeded' | 'failed'): Statement => ({
    by: 'main',
    state,
    happening: { name: `main ${state}`, apply: (row, now) => recordByMain(row, { state }, now) },
  });
  const exit = (state: 'succeeded' | 'failed'): Statement => ({
    by: 'exitStep',
    state,
    happening: { name: `exit ${state}`, apply: (row, now) => recordByExitStep(row, { state }, now) },
  });
  const runner = (result: 'succeeded' | 'failed' | 'cancelled'): Statement => ({
    by: 'runner',
    state: result,
    happening: said(`ended ${result}`, ended(result)),
  });
  const controlPlane: Statement = {
    by: 'controlPlane',
    state: 'failed',
    happening: { name: 'abandon', apply: abandon },
  };
  const statements = fc
    .tuple(
      fc.option(fc.constantFrom(main('succeeded'), main('partiallySucceeded'), main('failed'))),
      fc.option(fc.constantFrom(exit('succeeded'), exit('failed'))),
      fc.option(fc.constantFrom(runner('succeeded'), runner('failed'), runner('cancelled'))),
      fc.option(fc.constant(controlPlane)),
    )
    .map((all) => all.filter((one) => one !== null))
    .filter((all) => all.length > 0)
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }).map((order) => ({ all, order })));

  it('main before exit step before runner before control plane, in every order of arrival', () => {
    fc.assert(
      fc.property(statements, ({ all, order }) => {
        const best = all.reduce((a, b) => (rankOf(b.by) > rankOf(a.by) ? b : a));
        const row = play(
          order.map((one) => one.happening),
          queued({ offered: true, accepted: true, scopeId: 'here' }),
        );
        expect({ state: row.state, by: row.writtenBy }).toEqual({ state: best.state, by: best.by });
      }),
      RUNS,
    );
  });

  it('the outcome of the workload is kept beside whatever outranks it, in every order of arrival', () => {
    fc.assert(
      fc.property(statements, ({ all, order }) => {
        const seen = all.find((one) => one.by === 'runner');
        const row = play(
          order.map((one) => one.happening),
          queued({ offered: true, accepted: true, scopeId: 'here' }),
        );
        expect(row.outcome?.result).toBe(seen?.state);
      }),
      RUNS,
    );
  });

  it('the exit step changes no state once a cancel is recorded', () => {
    fc.assert(
      fc.property(happenings, fc.constantFrom<'succeeded' | 'failed'>('succeeded', 'failed'), (before, state) => {
        const row = play([...before, cancel]);
        fc.pre(row.want === 'cancel');
        expect((recordByExitStep(row, { state }, NOW + 60_000) ?? row).state).toBe(row.state);
      }),
      RUNS,
    );
  });
});
