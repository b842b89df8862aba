import type { Evidence, RunRecord } from '@runner/protocol/server';
import { CORRECTABLE_MS, isClosed, needsCancel, needsStart, reduceRun } from '@runner/protocol/server';
import { abandon, recordByExitStep, recordByMain, requestCancel, runnerUnavailable } from '@runner/protocol/server';
import { describe, expect, it } from 'vitest';
import {
  AGENT,
  NOW,
  RUN,
  absent,
  accepted,
  cancelledFrame,
  ended,
  ending,
  live,
  queued,
  refused,
  results,
  unknown,
  waiting,
} from './server-evidence.ts';

const at = (now: number) => ({ now, agentId: AGENT });
const see = (row: RunRecord, ...evidence: Parameters<typeof reduceRun>[1][]): RunRecord =>
  evidence.reduce((current, one) => reduceRun(current, one, at(NOW)) ?? current, row);
const running = (): RunRecord => see(queued({ offered: true }), accepted(live('pending')), live('running'));

/** It has ended, with a diagnosis of this code. */
function endedWith(result: 'failed' | 'cancelled', code: string): Evidence {
  const seen = ended(result);
  if (seen.observation.presence !== 'present') throw new Error('it is there');
  const diagnosis = { category: 'unknown', code, message: 'It was ended.', permanent: true };
  return { ...seen, observation: { ...seen.observation, outcome: { result, diagnosis } } };
}

describe('the way of a healthy run', () => {
  it('goes from queued over accepted, pending and running to its outcome', () => {
    const one = see(queued({ offered: true }), accepted(unknown()));
    expect(one).toMatchObject({ state: 'accepted', accepted: true, acceptedAt: NOW, scopeId: 'here' });
    const two = see(one, live('pending'));
    expect(two.state).toBe('pending');
    const three = see(two, live('running'));
    expect(three).toMatchObject({ state: 'running', startedAt: NOW - 500, workload: { uid: 'uid-1' } });
    const four = see(three, ended('succeeded'));
    expect(four).toMatchObject({ state: 'succeeded', writtenBy: 'runner', endedAt: NOW - 10, goneAt: NOW });
    expect(four.outcome).toEqual({ result: 'succeeded', exitCode: 0 });
  });

  it('says undefined when nothing changes, so that nothing is written', () => {
    expect(reduceRun(running(), live('running'), at(NOW + 5))).toBeUndefined();
    expect(reduceRun(running(), live('pending'), at(NOW + 5))).toBeUndefined();
    expect(reduceRun(running(), unknown(), at(NOW + 5))).toBeUndefined();
  });

  it('does not listen to an agent that the run does not belong to', () => {
    for (const evidence of [live('running'), ended('failed'), refused, cancelledFrame, accepted()])
      expect(reduceRun(queued({ offered: true }), evidence, { now: NOW, agentId: 'somebody' })).toBeUndefined();
  });

  it('does not listen to an observation of another run', () => {
    expect(reduceRun(queued({ runId: RUN.replace('1', '2') }), ended('failed'), at(NOW))).toBeUndefined();
  });

  it('shows why a workload waits, and forgets it when the workload runs', () => {
    const diagnosis = { category: 'image', code: 'image_not_found', message: 'no such image', permanent: false };
    const stuck = live('pending');
    const pending = see(queued({ offered: true }), accepted(), {
      ...stuck,
      observation: { ...stuck.observation, diagnosis } as typeof stuck.observation,
    });
    expect(pending.diagnosis).toEqual(diagnosis);
    const started = see(pending, live('running'));
    expect(started.diagnosis).toBeUndefined();
    const stale = { ...stuck, observation: { ...stuck.observation, diagnosis } as typeof stuck.observation };
    expect(reduceRun(started, stale, at(NOW))).toBeUndefined();
  });
});

describe('offered, accepted, absent', () => {
  it('is accepted only by the reply to a start: a workload that is merely seen still needs its start', () => {
    const row = see(queued({ offered: true }), live('running'));
    expect(row).toMatchObject({ state: 'running', accepted: false });
    expect(needsStart(row)).toBe(true);
    expect(needsStart(see(row, accepted(live('running'))))).toBe(false);
  });

  it('marks a run as offered when its workload is seen although the row says it never was', () => {
    expect(see(queued(), live('pending'))).toMatchObject({ offered: true, accepted: false });
  });

  it('keeps a run queued that is absent and was never accepted', () => {
    const row = queued({ offered: true });
    expect(see(row, absent())).toEqual(row);
    expect(needsStart(row)).toBe(true);
  });

  it('queues a run again that was seen, never accepted, and is then proven absent', () => {
    const row = see(queued({ offered: true }), live('running'), absent());
    expect(row).toMatchObject({ state: 'queued', accepted: false });
    expect(row.workload).toBeUndefined();
  });

  it('loses an accepted run that is absent in the scope that accepted it, and in no other', () => {
    expect(see(running(), absent())).toMatchObject({ state: 'lost', reason: 'lost', endedAt: NOW, goneAt: NOW });
    expect(see(running(), absent('elsewhere')).state).toBe('running');
  });

  it('does not lose a run by an absence that was found before it was accepted', () => {
    expect(see(running(), absent('here', false)).state).toBe('running');
    expect(see(running(), absent('here', true)).state).toBe('lost');
  });

  it('does not lose a run by the observation inside an acceptance', () => {
    expect(see(queued({ offered: true }), accepted(absent())).state).toBe('accepted');
  });

  it('says nothing of what is unknown', () => {
    for (const row of [queued(), running(), see(running(), ended('failed'))]) expect(see(row, unknown())).toEqual(row);
  });
});

describe('refused and waiting', () => {
  it('closes a refused run with the code and the sentence', () => {
    const row = see(queued({ offered: true }), refused);
    expect(row).toMatchObject({ state: 'refused', reason: 'policy_denied', writtenBy: 'runner', goneAt: NOW });
    expect(row.diagnosis).toMatchObject({ code: 'policy_denied', message: 'not allowed here', permanent: true });
  });

  it('keeps a waiting run queued with its reason, and drops the reason once it is accepted', () => {
    const row = see(queued({ offered: true }), waiting);
    expect(row).toMatchObject({ state: 'queued', reason: 'quota', diagnosis: { permanent: false } });
    expect(needsStart(row)).toBe(true);
    const later = see(row, accepted());
    expect(later.reason).toBeUndefined();
    expect(later.diagnosis).toBeUndefined();
  });

  it('does not believe a refusal when a workload was seen, in either order', () => {
    expect(see(running(), refused).state).toBe('running');
    expect(see(queued({ offered: true }), refused, live('running')).state).toBe('running');
  });
});

describe('cancel', () => {
  const cancelling = (row: RunRecord): RunRecord => requestCancel(row, NOW) ?? row;

  it('is cancelled at once when the run was never offered', () => {
    expect(cancelling(queued())).toMatchObject({ state: 'cancelled', writtenBy: 'controlPlane', goneAt: NOW });
  });

  it('is cancelling until the end is verified when it was offered', () => {
    for (const row of [queued({ offered: true }), running()]) {
      const asked = cancelling(row);
      expect(asked).toMatchObject({ state: 'cancelling', want: 'cancel' });
      expect(needsCancel(asked, NOW)).toBe(true);
      expect(needsStart(asked)).toBe(false);
      expect(see(asked, live('running'), live('ending'), accepted()).state).toBe('cancelling');
    }
  });

  it.each(results)('a workload that ended %s keeps its own outcome although a cancel was wanted', (result) => {
    expect(see(requestCancel(running(), NOW)!, ended(result)).state).toBe(result);
  });

  it('is cancelled when the agent says that nothing exists and nothing will', () => {
    const row = see(cancelling(queued({ offered: true })), cancelledFrame);
    expect(row).toMatchObject({ state: 'cancelled', writtenBy: 'runner', goneAt: NOW });
    expect(needsCancel(row, NOW)).toBe(false);
  });

  it('does not become cancelled by absence alone', () => {
    expect(see(cancelling(queued({ offered: true })), absent()).state).toBe('cancelling');
    expect(see(requestCancel(running(), NOW)!, absent()).state).toBe('lost');
  });

  it('is not cancelled by an agent that looks in another scope than the one it was accepted in', () => {
    const elsewhere = { ...cancelledFrame, scopeId: 'elsewhere' };
    const open = requestCancel(running(), NOW)!;
    expect(see(open, elsewhere)).toBe(open);
    const given = see(cancelling(abandon(running(), NOW) ?? running()), elsewhere);
    expect(given).toMatchObject({ state: 'failed', want: 'cancel' });
    expect(needsCancel(given, NOW)).toBe(true);
  });

  it('ends in place what is created late under a cancelled row', () => {
    const row = see(cancelling(queued({ offered: true })), cancelledFrame, live('pending'));
    expect(row).toMatchObject({ state: 'cancelling', want: 'cancel' });
    expect(needsCancel(row, NOW)).toBe(true);
    expect(see(row, ended('cancelled')).state).toBe('cancelled');
  });

  it('leaves a run alone that has ended', () => {
    expect(requestCancel(see(running(), ended('succeeded')), NOW)).toBeUndefined();
    expect(requestCancel(see(queued({ offered: true }), refused), NOW)).toBeUndefined();
  });

  it('still ends the workload of a run whose main program said success and does not leave', () => {
    const row = recordByMain(running(), { state: 'succeeded' }, NOW);
    const asked = cancelling(row!);
    expect(asked).toMatchObject({ state: 'succeeded', want: 'cancel' });
    expect(needsCancel(asked, NOW)).toBe(true);
    const over = see(asked, ended('cancelled'));
    expect(over.state).toBe('succeeded');
    expect(needsCancel(over, NOW)).toBe(false);
  });
});

describe('corrections', () => {
  const lost = (): RunRecord => see(running(), absent());
  const abandoned = (): RunRecord => abandon(running(), NOW)!;

  it.each([
    ['lost', lost],
    ['abandoned', abandoned],
  ])('%s gives way to the outcome for a week and no longer', (_, make) => {
    const row = make();
    for (const result of results) {
      expect(reduceRun(row, ended(result), at(NOW + CORRECTABLE_MS - 1))?.state).toBe(result);
      expect(reduceRun(row, ended(result), at(NOW + CORRECTABLE_MS))).toBeUndefined();
    }
  });

  it.each([
    ['lost', lost],
    ['abandoned', abandoned],
    ['unavailable', () => runnerUnavailable(queued(), NOW)!],
  ])('%s is reopened by a living workload', (_, make) => {
    const row = see(make(), live('running'));
    expect(row.state).toBe('running');
    expect(row.endedAt).toBeUndefined();
    expect(row.goneAt).toBeUndefined();
    expect(row.reason).toBeUndefined();
  });

  it('stays cancelling when the reopened run had been cancelled by a user', () => {
    const row = abandon(requestCancel(running(), NOW)!, NOW)!;
    expect(row.state).toBe('failed');
    expect(see(row, live('running')).state).toBe('cancelling');
  });

  it('does not reopen a run whose end was seen, nor one that its main program closed', () => {
    for (const result of results) expect(see(see(running(), ended(result)), live('running')).state).toBe(result);
    expect(see(recordByMain(running(), { state: 'failed' }, NOW)!, live('running')).state).toBe('failed');
  });

  it('keeps the diagnosis of an ending the agent announced when the stop itself tells less', () => {
    const row = see(running(), ending, live('ending'), ended('cancelled'));
    expect(row).toMatchObject({ state: 'failed', reason: 'start_deadline', diagnosis: { category: 'deadline' } });
    expect(see(running(), ending, ended('succeeded')).state).toBe('succeeded');
  });

  it('keeps the announced diagnosis over a workload that only knows that it was ended, not over one with a cause of its own', () => {
    const why = {
      category: 'image',
      code: 'image_not_found',
      message: 'The image does not exist.',
      hint: 'Correct its name.',
      permanent: true,
    };
    const announced: Evidence = { kind: 'ending', reason: 'permanent_failure', diagnosis: why };
    const row = see(running(), announced, endedWith('failed', 'permanent_failure'));
    expect(row).toMatchObject({ state: 'failed', reason: 'permanent_failure', diagnosis: why });
    expect(see(running(), announced, endedWith('failed', 'out_of_memory')).diagnosis?.code).toBe('out_of_memory');
  });

  it('knows better than a workload that was stopped and could not keep the reason', () => {
    const stopped = endedWith('cancelled', 'workflow_stopped');
    const late = see(running(), ending, live('ending'), stopped);
    expect(late).toMatchObject({ state: 'failed', reason: 'start_deadline', diagnosis: { code: 'start_deadline' } });
    const asked = see(requestCancel(running(), NOW)!, live('ending'), stopped);
    expect(asked).toMatchObject({ state: 'cancelled', writtenBy: 'runner' });
    expect(asked.diagnosis).toBeUndefined();
    // A cancel that came after the announcement: the user's word.
    expect(see(requestCancel(see(running(), ending), NOW)!, stopped).state).toBe('cancelled');
    // Nobody here wanted it: somebody stopped it with other means.
    expect(see(running(), stopped)).toMatchObject({ state: 'cancelled', diagnosis: { code: 'workflow_stopped' } });
  });

  it('keeps why a run was ended when the exit step only says that it failed, in either order', () => {
    const due = see(running(), ending);
    const exit = (row: RunRecord) => recordByExitStep(row, { state: 'failed' }, NOW) ?? row;
    const why = {
      state: 'failed',
      writtenBy: 'exitStep',
      reason: 'start_deadline',
      diagnosis: { code: 'start_deadline' },
    };
    for (const stopped of [endedWith('cancelled', 'workflow_stopped'), endedWith('failed', 'start_deadline')]) {
      expect(see(exit(due), stopped)).toMatchObject(why);
      expect(exit(see(due, stopped))).toMatchObject(why);
    }
    expect(recordByExitStep(due, { state: 'succeeded' }, NOW)).not.toHaveProperty('reason');
    // Without an announcement, the evidence of the runner is the reason.
    const memory = endedWith('failed', 'out_of_memory');
    expect(see(exit(running()), memory)).toMatchObject({ writtenBy: 'exitStep', diagnosis: { code: 'out_of_memory' } });
    expect(exit(see(running(), memory))).toMatchObject({ writtenBy: 'exitStep', diagnosis: { code: 'out_of_memory' } });
  });

  it('does not let the exit step decide over a run that was cancelled', () => {
    const asked = requestCancel(running(), NOW)!;
    expect(recordByExitStep(asked, { state: 'failed' }, NOW)).toBeUndefined();
    const gone = see(asked, endedWith('cancelled', 'workflow_stopped'));
    expect(recordByExitStep(gone, { state: 'failed' }, NOW)).toBeUndefined();
  });

  it('leaves a workload its own end, although a cancel or a deadline was first', () => {
    for (const first of [requestCancel(running(), NOW)!, see(running(), ending)]) {
      expect(see(first, endedWith('failed', 'out_of_memory'))).toMatchObject({
        ...{ state: 'failed', diagnosis: { code: 'out_of_memory' } },
      });
      expect(see(first, ended('failed')).state).toBe('failed');
      expect(see(first, ended('succeeded')).state).toBe('succeeded');
    }
  });
});

describe('strays', () => {
  it('adopts a workload without a row into a new row', () => {
    const row = reduceRun(undefined, live('running'), { ...at(NOW), adoptedDeadlineSeconds: 60 });
    expect(row).toMatchObject({ runId: RUN, agentId: AGENT, state: 'running', accepted: true, deadlineSeconds: 60 });
    expect(needsStart(row!)).toBe(false);
  });

  it('adopts one that has ended with its outcome', () => {
    const row = reduceRun(undefined, ended('failed'), at(NOW))!;
    expect(row.state).toBe('failed');
    expect(isClosed(row)).toBe(true);
  });

  it('makes no row out of words about nothing', () => {
    for (const evidence of [absent(), unknown(), refused, waiting, cancelledFrame, ending, accepted(unknown())])
      expect(reduceRun(undefined, evidence, at(NOW))).toBeUndefined();
  });
});
