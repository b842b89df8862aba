import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { testClock } from '@runner/core/testing';
import type { RunSpec } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { createRunSpans } from '../../src/tracing/run-spans.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

function stage(mostOpen = 10) {
  const clock = testClock();
  const memory = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: memory })] });
  const tracer = provider.getTracer('test');
  const spans = createRunSpans({ tracer, clock, agentId: 'agent-1', executor: 'local', mostOpen });
  return { clock, spans, of: spans.observer, ended: () => memory.getFinishedSpans() };
}
const run = (runId: string, rest: Partial<RunSpec> = {}): RunSpec =>
  testRunSpec({ runId, traceparent: `00-${TRACE}-${PARENT}-01`, ...rest });
const stageOf = (runId: string) => ({ runId, pipelineType: 'metadata', seconds: 1 });

describe('the span of a run', () => {
  it('lasts from its start to its end, by the clock of the agent, below the step that asked for it', async () => {
    const { clock, spans, of, ended } = stage();
    const begun = clock.now();
    spans.received(run('r1'));
    of.accepted({ ...stageOf('r1'), created: true });
    await clock.advance(2_500);
    of.started(stageOf('r1'));
    expect(ended()).toEqual([]);
    await clock.advance(500);
    of.finished({ ...stageOf('r1'), result: 'failed', diagnosis: 'program_failed' });
    const [span, ...others] = ended();
    expect(others).toEqual([]);
    expect(span?.spanContext().traceId).toBe(TRACE);
    expect(span).toMatchObject({
      parentSpanContext: { spanId: PARENT },
      kind: SpanKind.CONSUMER,
      status: { code: SpanStatusCode.ERROR },
      duration: [3, 0],
      attributes: { 'runner.run.result': 'failed', 'runner.diagnosis.code': 'program_failed' },
      events: [{ name: 'accepted', attributes: { 'runner.workload.created': true } }, { name: 'started' }],
    });
    expect((span?.startTime[0] ?? 0) * 1_000 + (span?.startTime[1] ?? 0) / 1e6).toBe(begun);
  });

  it('ends once, whatever is said again, and begins once for a start that is sent again', () => {
    const { spans, of, ended } = stage();
    spans.received(run('r1'));
    spans.received(run('r1'));
    of.finished({ ...stageOf('r1'), result: 'succeeded' });
    of.finished({ ...stageOf('r1'), result: 'succeeded' });
    of.cancelled('r1');
    of.started(stageOf('r1'));
    expect(ended()).toHaveLength(1);
  });

  it('says what refused it, or that it was cancelled', () => {
    const { spans, of, ended } = stage();
    spans.received(run('r1'));
    spans.received(run('r2'));
    of.refused('plaintext_secret', 'r1');
    of.cancelled('r2');
    expect(ended().map(({ status, attributes }) => [status.code, attributes['runner.run.result']])).toEqual([
      [SpanStatusCode.ERROR, 'refused'],
      [SpanStatusCode.UNSET, 'cancelled'],
    ]);
    expect(ended()[0]?.attributes['runner.refusal.code']).toBe('plaintext_secret');
  });

  it.each([undefined, 'nonsense'])('begins a trace where the start has none to continue (%s)', (traceparent) => {
    const { spans, of, ended } = stage();
    spans.received(testRunSpec({ runId: 'r1', ...(traceparent === undefined ? {} : { traceparent }) }));
    of.cancelled('r1');
    const [span] = ended();
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(TRACE);
  });

  it('is not made where whoever asked does not record the trace', () => {
    const { spans, of, ended } = stage();
    spans.received(run('r1', { traceparent: `00-${TRACE}-${PARENT}-00` }));
    of.cancelled('r1');
    expect(ended()).toEqual([]);
  });

  it('is ended as unknown when the agent leaves, and forgotten when too many are open', () => {
    const { spans, ended } = stage(2);
    for (const runId of ['r1', 'r2', 'r3']) spans.received(run(runId));
    spans.leave();
    expect(ended().map(({ attributes }) => [attributes['runner.run.id'], attributes['runner.run.result']])).toEqual([
      ['r2', 'unknown'],
      ['r3', 'unknown'],
    ]);
    expect(ended()[0]?.events).toMatchObject([{ name: 'agent left' }]);
  });
});
