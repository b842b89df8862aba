import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { isEnded } from '../../observation.ts';
import type { Diagnosis } from '../../observation.ts';
import { testRunSpec } from '../run-spec.ts';
import type { ContractContext } from './subject.ts';
import { calm, running, untilEnded } from './subject.ts';

const cancel = { reason: 'cancelled' } as const;

export function endingCases({ make, timeoutMs }: ContractContext): void {
  it('reads success from the workload', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.succeed(spec.runId);
    const ended = await untilEnded(subject.executor, spec.runId, timeoutMs);
    expect(ended.outcome.result).toBe('succeeded');
    expect(ended.outcome.diagnosis).toBeUndefined();
    expect(ended.endedAt).toBeGreaterThanOrEqual(ended.startedAt ?? Infinity);
  });

  it('reads a failure from the workload, with a diagnosis and the redacted end of its output', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.print(spec.runId, Buffer.from('went wrong at db://me:not-a-real-password@host/x\n'));
    await subject.fail(spec.runId, 3);
    const { outcome } = await untilEnded(subject.executor, spec.runId, timeoutMs);
    expect(outcome).toMatchObject({ result: 'failed', exitCode: 3, diagnosis: { permanent: true } });
    expect(outcome.logTail).toContain('went wrong at db://me:[redacted]@host/x');
  });

  it('ends a run in place: it is cancelled once nothing of it runs, and its record stays', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const before = await running(subject, spec, timeoutMs);
    const seen = await subject.executor.end(spec.runId, cancel, calm);
    expect(seen).toMatchObject({ presence: 'present', runId: spec.runId });
    expect(['ending', 'ended']).toContain(seen.presence === 'present' && seen.phase);
    const ended = await untilEnded(subject.executor, spec.runId, timeoutMs);
    expect(ended.outcome.result).toBe('cancelled');
    expect(ended.workload.uid).toBe(before.workload.uid);
    const again = await subject.executor.submit(spec, calm);
    expect(again).toMatchObject({ created: false, observation: { outcome: { result: 'cancelled' } } });
    expect(await subject.executions(spec.runId)).toBe(1);
  });

  it('ends a run once, whoever asks and however often; the first reason counts', async () => {
    await using subject = await make();
    const other = await subject.another();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.executor.end(spec.runId, cancel, calm);
    await other.end(spec.runId, { reason: 'permanent_failure', message: 'The image does not exist.' }, calm);
    await subject.executor.end(spec.runId, cancel, calm);
    expect((await untilEnded(other, spec.runId, timeoutMs)).outcome.result).toBe('cancelled');
    const after = await subject.executor.end(spec.runId, cancel, calm);
    expect(isEnded(after) && after.outcome.result).toBe('cancelled');
  });

  it('ends a run for a permanent failure as failed, with the reason it was given', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    const message = 'The image does not exist.';
    await subject.executor.end(spec.runId, { reason: 'permanent_failure', message }, calm);
    const { outcome } = await untilEnded(subject.executor, spec.runId, timeoutMs);
    expect(outcome.result).toBe('failed');
    expect(outcome.diagnosis?.message).toContain(message);
  });

  it('keeps with the workload why it was ended', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    const diagnosis: Diagnosis = {
      category: 'image',
      code: 'image_not_found',
      message: 'The image registry.example.test/none:1 does not exist.',
      hint: 'Correct INGESTION_IMAGE.',
      permanent: true,
    };
    await subject.executor.end(
      spec.runId,
      { reason: 'permanent_failure', message: diagnosis.message, diagnosis },
      calm,
    );
    const { outcome } = await untilEnded(subject.executor, spec.runId, timeoutMs);
    expect(outcome).toMatchObject({ result: 'failed', diagnosis });
  });

  it('leaves a success that came first as it is', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.succeed(spec.runId);
    const before = await untilEnded(subject.executor, spec.runId, timeoutMs);
    const after = await subject.executor.end(spec.runId, cancel, calm);
    expect(isEnded(after) && after.outcome).toEqual(before.outcome);
    expect((await untilEnded(subject.executor, spec.runId, timeoutMs)).outcome.result).toBe('succeeded');
  });

  it('has nothing to end of a run that was never submitted, and does not remember that it was asked', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const { presence } = await subject.executor.end(spec.runId, cancel, calm);
    // Where lists may be old, that nothing is there is not proven yet.
    expect(['absent', ...(subject.listsAreFresh === false ? ['unknown'] : [])]).toContain(presence);
    await running(subject, spec, timeoutMs);
    await subject.succeed(spec.runId);
    expect((await untilEnded(subject.executor, spec.runId, timeoutMs)).outcome.result).toBe('succeeded');
  });

  it('ends a run that is being submitted, or lets it run; never neither', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const submitting = subject.executor.submit(spec, calm);
    await subject.executor.end(spec.runId, cancel, calm);
    await submitting;
    await subject.executor.end(spec.runId, cancel, calm);
    expect((await untilEnded(subject.executor, spec.runId, timeoutMs)).outcome.result).toBe('cancelled');
    expect(await subject.executions(spec.runId)).toBeLessThanOrEqual(1);
  });

  it('ends a program that does not stop when it is asked to', async () => {
    await using subject = await make();
    if (subject.resist === undefined) return;
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.resist(spec.runId);
    expect(await subject.executor.end(spec.runId, cancel, calm)).toMatchObject({ phase: 'ending' });
    expect((await untilEnded(subject.executor, spec.runId, timeoutMs)).outcome.result).toBe('cancelled');
  });

  it('ends a run that takes longer than its deadline, as failed', async () => {
    await using subject = await make();
    const spec = testRunSpec({ deadlineSeconds: 1 });
    await subject.executor.submit(spec, calm);
    const { outcome } = await untilEnded(subject.executor, spec.runId, timeoutMs);
    expect(outcome).toMatchObject({ result: 'failed', diagnosis: { category: 'deadline' } });
  });
}
