import type { Clock } from '@runner/core';
import { IMPOSSIBLE_EVENTS, REFUSAL_CODES, WAIT_CODES, createLabelSet } from './labels.ts';
import type { MetricRegistry } from './registry.ts';
import { createWindowMax } from './window-max.ts';

/** Has the shape of dispatch's observer without importing it: the two rooms meet in the agent's composition only. */
export interface DispatchMetrics {
  accepted(run: { readonly seconds: number; readonly created: boolean }): void;
  started(run: { readonly seconds: number }): void;
  finished(run: { readonly seconds?: number; readonly result: 'succeeded' | 'failed' | 'cancelled' }): void;
  reported(run: { readonly seconds: number }): void;
  refused(code: string): void;
  waiting(code: string): void;
  cancelled(runId: string): void;
  ending(reason: 'start_deadline' | 'permanent_failure'): void;
  executorCall(operation: string, seconds: number, ok: boolean): void;
  impossible(event: string): void;
}

const STATUSES = ['succeeded', 'failed', 'cancelled'] as const;
const REASONS = ['start_deadline', 'permanent_failure'] as const;

export function createDispatchMetrics(
  registry: MetricRegistry,
  clock: Clock,
  codes: readonly string[],
): { readonly observer: DispatchMetrics; collect(): void } {
  const longest = createWindowMax(clock);
  const refusals = createLabelSet([...REFUSAL_CODES, ...codes]);
  const waits = createLabelSet([...WAIT_CODES, ...codes]);
  const events = createLabelSet(IMPOSSIBLE_EVENTS);

  const created = registry.counter('collate_hybrid_agent_jobs_counter_total');
  const ended = registry.counter('collate_hybrid_agent_jobs_total');
  const adopted = registry.counter('collate_hybrid_agent_runs_adopted_total');
  const refused = registry.counter('collate_hybrid_agent_refusals_total');
  const waited = registry.counter('collate_hybrid_agent_waits_total');
  const cancels = registry.counter('collate_hybrid_agent_cancels_total');
  const endings = registry.counter('collate_hybrid_agent_endings_total');
  const impossible = registry.counter('collate_hybrid_agent_impossible_events_total');
  const executor = registry.summary('collate_hybrid_agent_executor_response_time_seconds');
  const argo = registry.summary('collate_hybrid_agent_argo_response_time_seconds');

  // A series that begins with its first event has no rate for that event: known labels begin at 0.
  for (const status of STATUSES) ended.inc({ status }, 0);
  for (const code of refusals.values) refused.inc({ code }, 0);
  for (const code of waits.values) waited.inc({ code }, 0);
  for (const reason of REASONS) endings.inc({ reason }, 0);
  for (const event of events.values) impossible.inc({ event }, 0);

  const observer: DispatchMetrics = {
    accepted: (run) => {
      if (run.created) created.inc();
      else adopted.inc();
      registry.histogram('collate_hybrid_agent_run_accept_seconds').observe(run.seconds);
    },
    started: ({ seconds }) => registry.histogram('collate_hybrid_agent_run_start_seconds').observe(seconds),
    finished: ({ result, seconds }) => {
      ended.inc({ status: result });
      if (seconds !== undefined) registry.histogram('collate_hybrid_agent_run_duration_seconds').observe(seconds);
    },
    reported: ({ seconds }) => registry.histogram('collate_hybrid_agent_run_report_seconds').observe(seconds),
    refused: (code) => refused.inc({ code: refusals.of(code) }),
    waiting: (code) => waited.inc({ code: waits.of(code) }),
    cancelled: () => cancels.inc(),
    ending: (reason) => endings.inc({ reason }),
    executorCall: (_operation, seconds) => {
      executor.observe(seconds);
      argo.observe(seconds);
      longest.add(seconds);
    },
    impossible: (event) => impossible.inc({ event: events.of(event) }),
  };
  const collect = (): void => {
    registry.gauge('collate_hybrid_agent_executor_response_time_seconds_max').set(longest.value());
    registry.gauge('collate_hybrid_agent_argo_response_time_seconds_max').set(longest.value());
  };
  return { observer, collect };
}
