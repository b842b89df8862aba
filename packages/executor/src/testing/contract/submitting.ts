import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { MAX_CONFIG_BYTES } from '../../workload/config.ts';
import { testRunSpec } from '../run-spec.ts';
import type { ContractContext } from './subject.ts';
import { calm, expectAbsent, rejection, running, uidOf, untilEnded, untilRunning } from './subject.ts';

/** A config of exactly so many bytes once serialised. */
function configOf(bytes: number): { readonly filler: string } {
  return { filler: 'x'.repeat(bytes - Buffer.byteLength(JSON.stringify({ filler: '' }))) };
}

export function submittingCases({ make, timeoutMs }: ContractContext): void {
  it('creates the workload of a run and says what is seen of it', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const { created, observation } = await subject.executor.submit(spec, calm);
    expect(created).toBe(true);
    expect(observation).toMatchObject({ presence: 'present', runId: spec.runId, pipelineType: 'metadata' });
    const seen = await untilRunning(subject.executor, spec.runId, timeoutMs);
    expect(seen.workload.uid).toBe(uidOf(observation));
    expect(seen.workload.name).not.toBe('');
    expect(seen.startedAt).toBeGreaterThan(0);
    expect(seen.outcome).toBeUndefined();
  });

  it('answers a second submit with the workload there is', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const first = await running(subject, spec, timeoutMs);
    const second = await subject.executor.submit(spec, calm);
    expect(second.created).toBe(false);
    expect(uidOf(second.observation)).toBe(first.workload.uid);
    expect(await subject.executions(spec.runId)).toBe(1);
  });

  it('makes one workload of many concurrent submits by two agents', async () => {
    await using subject = await make();
    const other = await subject.another();
    const spec = testRunSpec();
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? subject.executor : other).submit(spec, calm)),
    );
    expect(results.filter((result) => result.created)).toHaveLength(1);
    expect(new Set(results.map((result) => uidOf(result.observation))).size).toBe(1);
    await untilRunning(subject.executor, spec.runId, timeoutMs);
    await subject.succeed(spec.runId);
    await untilEnded(other, spec.runId, timeoutMs);
    expect(await subject.executions(spec.runId)).toBe(1);
  });

  it('adopts the workload of an executor that is gone', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const before = await running(subject, spec, timeoutMs);
    await subject.executor.close();
    const next = await subject.another();
    expect(uidOf(await next.observe(spec.runId, calm))).toBe(before.workload.uid);
    const again = await next.submit(spec, calm);
    expect(again.created).toBe(false);
    await subject.succeed(spec.runId);
    expect((await untilEnded(next, spec.runId, timeoutMs)).outcome.result).toBe('succeeded');
    expect(await subject.executions(spec.runId)).toBe(1);
  });

  it('answers the submit of an ended run with its outcome and does not run it again', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.succeed(spec.runId);
    await untilEnded(subject.executor, spec.runId, timeoutMs);
    const again = await subject.executor.submit(spec, calm);
    expect(again.created).toBe(false);
    expect(again.observation).toMatchObject({ phase: 'ended', outcome: { result: 'succeeded' } });
    expect(await subject.executions(spec.runId)).toBe(1);
  });

  it('takes any name, and runs of equal names do not meet', async () => {
    await using subject = await make();
    const names = ['n'.repeat(300), '-- dash', 'Umläute & 日本語', 'shop_metadata', 'shop_metadata'];
    const specs = names.map((name) => testRunSpec({ name, fqn: `service.${name}` }));
    const results = await Promise.all(specs.map((spec) => subject.executor.submit(spec, calm)));
    expect(results.every((result) => result.created)).toBe(true);
    expect(new Set(results.map((result) => uidOf(result.observation))).size).toBe(names.length);
  });

  it('takes a config of the largest size and refuses one byte more', async () => {
    await using subject = await make();
    const fits = testRunSpec({ config: configOf(MAX_CONFIG_BYTES) });
    await running(subject, fits, timeoutMs);
    const over = testRunSpec({ config: configOf(MAX_CONFIG_BYTES + 1) });
    expect(await rejection(subject.executor.submit(over, calm))).toEqual({
      code: 'config_too_large',
      retryable: false,
    });
    await expectAbsent(subject, over.runId, timeoutMs);
  });

  it('refuses a run whose id is no UUID', async () => {
    await using subject = await make();
    for (const runId of ['', 'run-1', '../../../etc/passwd']) {
      const refused = await rejection(subject.executor.submit(testRunSpec({ runId }), calm));
      expect(refused).toEqual({ code: 'invalid_spec', retryable: false });
    }
  });

  it('leaves at most one workload behind when a submit is aborted', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    const abort = new AbortController();
    const interrupted = subject.executor.submit(spec, abort.signal);
    abort.abort();
    await interrupted.catch((error: unknown) => expect(error).toMatchObject({ code: 'aborted' }));
    await subject.executor.submit(spec, calm);
    await untilRunning(subject.executor, spec.runId, timeoutMs);
    await until('it runs', async () => ((await subject.executions(spec.runId)) === 1 ? true : undefined), timeoutMs);
  });
}
