import type { Clock } from '@runner/core';
import type { DispatchObserver } from '@runner/dispatch';
import type { RunSpec } from '@runner/executor';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';

/**
 * One span a run: from its start to its end, with what happened between as events. It tells of a run what its line in
 * the log tells, and nothing of its config, its connection or its tokens.
 */
export interface RunSpans {
  /** A start frame arrived; the same run again changes nothing. */
  readonly received: (spec: RunSpec) => void;
  readonly observer: Required<Pick<DispatchObserver, 'accepted' | 'started' | 'finished' | 'refused' | 'cancelled'>>;
  /** Ends what is open: this process will not see how it goes on. */
  leave(): void;
}

export interface RunSpansOptions {
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly agentId: string;
  /** Kind of the executor. */
  readonly executor: string;
  /** Spans that may be open; beyond it the oldest is forgotten, for its run went to another agent. */
  readonly mostOpen: number;
}

const TRACEPARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;

export function createRunSpans(options: RunSpansOptions): RunSpans {
  const { tracer, clock, agentId, executor, mostOpen } = options;
  const open = new Map<string, Span>();
  const event = (runId: string, name: string, attributes: Attributes = {}): void => {
    open.get(runId)?.addEvent(name, attributes, clock.now());
  };
  const end = (runId: string, attributes: Attributes, failed: boolean): void => {
    const span = open.get(runId);
    if (!open.delete(runId)) return;
    span?.setAttributes(attributes);
    if (failed) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end(clock.now());
  };
  return {
    received: (spec) => {
      const { runId, pipelineType, fqn } = spec;
      if (open.has(runId)) return;
      const attributes = {
        'runner.run.id': runId,
        'runner.pipeline': fqn,
        'runner.pipeline.type': pipelineType,
        'runner.name': agentId,
        'runner.executor': executor,
      };
      const kind = SpanKind.CONSUMER;
      open.set(
        runId,
        tracer.startSpan(`run ${pipelineType}`, { kind, startTime: clock.now(), attributes }, parentOf(spec)),
      );
      const [oldest] = open.size > mostOpen ? open.keys() : [];
      if (oldest !== undefined) open.delete(oldest);
    },
    observer: {
      accepted: ({ runId, created }) => event(runId, 'accepted', { 'runner.workload.created': created }),
      started: ({ runId }) => event(runId, 'started'),
      finished: ({ runId, result, diagnosis }) => {
        const code = diagnosis === undefined ? {} : { 'runner.diagnosis.code': diagnosis };
        end(runId, { 'runner.run.result': result, ...code }, result === 'failed');
      },
      refused: (code, runId) => end(runId, { 'runner.run.result': 'refused', 'runner.refusal.code': code }, true),
      cancelled: (runId) => end(runId, { 'runner.run.result': 'cancelled' }, false),
    },
    leave: () => {
      for (const runId of [...open.keys()]) {
        event(runId, 'agent left');
        end(runId, { 'runner.run.result': 'unknown' }, false);
      }
    },
  };
}

/** The step of the trace that asked for the run; without one the span begins a trace. */
function parentOf({ traceparent = '' }: RunSpec): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
