import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { until } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { testRunSpec } from '../run-spec.ts';
import type { ContractContext } from './subject.ts';
import { calm, readLog, rejection, running, untilEnded } from './subject.ts';

/** Text, a zero byte, and bytes that are no UTF-8. */
const OUTPUT = Buffer.concat([Buffer.from('first line\nsecond \u00e4\u20ac\n'), Buffer.from([0, 255, 254, 10])]);

export function logCases({ make, timeoutMs }: ContractContext): void {
  it('gives the raw output of an ended run from any byte on', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.print(spec.runId, OUTPUT);
    await subject.succeed(spec.runId);
    await untilEnded(subject.executor, spec.runId, timeoutMs);
    for (const follow of [false, true]) {
      for (const fromByte of [0, 1, 11, OUTPUT.length - 1, OUTPUT.length, OUTPUT.length + 100]) {
        const { bytes } = await readLog(subject.executor, spec.runId, { fromByte, follow });
        expect(bytes.equals(OUTPUT.subarray(fromByte))).toBe(true);
      }
    }
  });

  it('follows the output of a living run to its end, for two readers at once', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    const whole = readLog(subject.executor, spec.runId, { follow: true });
    const rest = readLog(subject.executor, spec.runId, { follow: true, fromByte: 6 });
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}\n`);
    for (const line of lines) await subject.print(spec.runId, Buffer.from(line));
    await subject.succeed(spec.runId);
    const text = lines.join('');
    expect((await whole).bytes.toString()).toBe(text);
    expect((await rest).bytes.toString()).toBe(text.slice(6));
  });

  it('gives what there is of a living run without waiting', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    await subject.print(spec.runId, OUTPUT);
    await until(
      'the output can be read',
      async () => ((await readLog(subject.executor, spec.runId)).bytes.equals(OUTPUT) ? true : undefined),
      timeoutMs,
    );
  });

  it('ends quietly when the reader has had enough', async () => {
    await using subject = await make();
    const spec = testRunSpec();
    await running(subject, spec, timeoutMs);
    const stop = new AbortController();
    const reading = readLog(subject.executor, spec.runId, { follow: true, signal: stop.signal });
    await subject.print(spec.runId, OUTPUT);
    stop.abort();
    const { bytes } = await reading;
    expect(OUTPUT.subarray(0, bytes.length).equals(bytes)).toBe(true);
  });

  it('has no log of a run that was never submitted', async () => {
    await using subject = await make();
    const reading = readLog(subject.executor, randomUUID());
    expect(await rejection(reading)).toEqual({ code: 'log_unavailable', retryable: false });
    expect(await rejection(readLog(subject.executor, randomUUID(), { follow: true, signal: calm }))).toMatchObject({
      code: 'log_unavailable',
    });
  });
}
