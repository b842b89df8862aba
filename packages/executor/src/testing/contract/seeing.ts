import { randomUUID } from 'node:crypto';
import { until } from '@runner/core/testing';
import { expect, it } from 'vitest';
import type { Observation } from '../../observation.ts';
import { testRunSpec } from '../run-spec.ts';
import type { ContractContext, ExecutorSubject } from './subject.ts';
import { calm, expectAbsent, rejection, running, untilEnded } from './subject.ts';

const { owner } = testRunSpec();

export function seeingCases({ make, timeoutMs }: ContractContext): void {
  it('says the same scope twice, and to every executor of the place', async () => {
    await using subject = await make();
    const first = await subject.executor.scope(calm);
    const other = await subject.another();
    expect(first.id).not.toBe('');
    expect(first.description).not.toBe('');
    expect(await subject.executor.scope(calm)).toEqual(first);
    expect((await other.scope(calm)).id).toBe(first.id);
  });

  it('finds nothing missing in a place that works', async () => {
    await using subject = await make();
    const findings = await subject.executor.preflight(calm);
    expect(findings.filter((finding) => finding.level === 'error')).toEqual([]);
  });

  it('sees nothing of a run that was never submitted', async () => {
    await using subject = await make();
    const runId = randomUUID();
    await expectAbsent(subject, runId, timeoutMs);
  });

  it('lists living and ended workloads of one owner, and of nobody else', async () => {
    await using subject = await make();
    const mine = [testRunSpec(), testRunSpec()] as const;
    const strange = [
      testRunSpec({ owner: { ...owner, agentId: 'other-agent' } }),
      testRunSpec({ owner: { ...owner, controlPlaneId: '22222222-2222-4222-8222-222222222222' } }),
    ];
    for (const spec of [...mine, ...strange]) await running(subject, spec, timeoutMs);
    await subject.succeed(mine[0].runId);
    await untilEnded(subject.executor, mine[0].runId, timeoutMs);
    const { observations, fresh } = await subject.executor.list(owner, calm);
    expect(fresh).toBe(subject.listsAreFresh ?? true);
    const phases = Object.fromEntries(observations.map((o) => [o.runId, o.presence === 'present' && o.phase]));
    expect(phases).toEqual({ [mine[0].runId]: 'ended', [mine[1].runId]: 'running' });
  });

  it('watches what is there and what comes, also of another executor, until it is aborted', async () => {
    await using subject = await make();
    const other = await subject.another();
    const [early, late] = [testRunSpec(), testRunSpec()];
    await running(subject, early, timeoutMs);
    const stop = new AbortController();
    const seen: Observation[] = [];
    const watching = subject.executor.watch(owner, (observation) => seen.push(observation), stop.signal);
    await untilSeen(seen, early.runId, 'running', timeoutMs);
    await other.submit(late, calm);
    await untilSeen(seen, late.runId, 'running', timeoutMs);
    await until('it began', async () => ((await subject.executions(late.runId)) > 0 ? true : undefined), timeoutMs);
    await subject.fail(late.runId, 2);
    await untilSeen(seen, late.runId, 'ended', timeoutMs);
    await subject.executor.end(early.runId, { reason: 'cancelled' }, calm);
    await untilSeen(seen, early.runId, 'ended', timeoutMs);
    stop.abort();
    await watching;
    expect(seen.every(({ runId }) => runId === early.runId || runId === late.runId)).toBe(true);
    expect(seen.filter((o) => o.presence === 'present' && o.phase === 'ended')).toHaveLength(2);
  });

  it('tells a watch once that a workload is gone', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.succeed(spec.runId);
    await untilEnded(subject.executor, spec.runId, timeoutMs);
    const stop = new AbortController();
    const seen: Observation[] = [];
    const watching = subject.executor.watch(owner, (observation) => seen.push(observation), stop.signal);
    await untilSeen(seen, spec.runId, 'ended', timeoutMs);
    await removeOrDiscard(subject, spec.runId);
    await until('it is seen to be gone', async () => found(seen, (o) => o.presence === 'absent'), timeoutMs);
    stop.abort();
    await watching;
    expect(seen.filter((o) => o.presence === 'absent')).toHaveLength(1);
  });

  it('refuses to discard what lives, discards what has ended, and has nothing to discard after that', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    expect(await rejection(subject.executor.discard(spec.runId, calm))).toEqual({
      code: 'still_live',
      retryable: false,
    });
    await subject.succeed(spec.runId);
    await untilEnded(subject.executor, spec.runId, timeoutMs);
    await subject.executor.discard(spec.runId, calm);
    await expectAbsent(subject, spec.runId, timeoutMs);
    await subject.executor.discard(spec.runId, calm);
    expect((await subject.executor.list(owner, calm)).observations).toEqual([]);
  });

  it('leaves workloads alone when it closes, closes twice, and ends its watches', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    const watching = subject.executor.watch(owner, () => undefined, calm);
    await subject.executor.close();
    await subject.executor.close();
    await watching;
    const next = await subject.another();
    expect(await next.observe(spec.runId, calm)).toMatchObject({ phase: 'running' });
    expect(await rejection(subject.executor.submit(testRunSpec(), calm))).toMatchObject({
      code: 'executor_unavailable',
    });
  });

  it('calls nothing absent while the place is away, asks to try again, and goes on when it is back', async () => {
    await using subject = await make();
    if (subject.outage === undefined) return;
    const { executor } = subject;
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    const isOver = await subject.outage();
    expect(await executor.observe(spec.runId, calm)).toMatchObject({ presence: 'unknown', runId: spec.runId });
    expect(await executor.observe(randomUUID(), calm)).toMatchObject({ presence: 'unknown' });
    expect(await rejection(executor.list(owner, calm))).toEqual({ code: 'executor_unavailable', retryable: true });
    expect(await rejection(executor.submit(testRunSpec(), calm))).toMatchObject({ retryable: true });
    await isOver();
    expect(await executor.observe(spec.runId, calm)).toMatchObject({ phase: 'running' });
    await subject.succeed(spec.runId);
    expect((await untilEnded(executor, spec.runId, timeoutMs)).outcome.result).toBe('succeeded');
  });

  it('rejects calls whose signal is aborted, with the code for it', async () => {
    await using subject = await make();
    const signal = AbortSignal.abort();
    const { executor } = subject;
    for (const call of [
      executor.submit(testRunSpec(), signal),
      executor.observe(randomUUID(), signal),
      executor.list(owner, signal),
      executor.end(randomUUID(), { reason: 'cancelled' }, signal),
      executor.discard(randomUUID(), signal),
    ]) {
      expect(await rejection(call)).toMatchObject({ code: 'aborted' });
    }
  });
}

async function removeOrDiscard(subject: ExecutorSubject, runId: string): Promise<void> {
  if (subject.remove === undefined) await subject.executor.discard(runId, calm);
  else await subject.remove(runId);
}

function found(seen: readonly Observation[], test: (observation: Observation) => boolean): Promise<true | undefined> {
  return Promise.resolve(seen.some(test) ? true : undefined);
}

async function untilSeen(seen: readonly Observation[], runId: string, phase: string, timeoutMs: number): Promise<void> {
  const isIt = (o: Observation): boolean => o.runId === runId && o.presence === 'present' && o.phase === phase;
  await until(`the watch tells that ${runId} is ${phase}`, () => found(seen, isIt), timeoutMs);
}
