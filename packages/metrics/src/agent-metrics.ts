import type { Clock } from '@runner/core';
import type { MetricName } from './catalogue.ts';
import { createClientMetrics } from './client-metrics.ts';
import type { ClientMetrics } from './client-metrics.ts';
import { createDispatchMetrics } from './dispatch-metrics.ts';
import type { DispatchMetrics } from './dispatch-metrics.ts';
import { PENDING_CATEGORIES, ROLES, createLabelSet } from './labels.ts';
import type { LabelSet } from './labels.ts';
import type { ProcessFigures } from './process-usage.ts';
import { createProcessUsage } from './process-usage.ts';
import type { MetricRegistry } from './registry.ts';
import { createMetricRegistry } from './registry.ts';

export interface SlotFigures {
  readonly total: number;
  readonly free: number;
}

export interface PendingFigures {
  readonly runs: number;
  readonly longestSeconds: number;
}

/** What is asked at each scrape. Everything is optional; what is missing has no sample, or says "none". */
export interface MetricSources {
  /** Slots in all and per pipeline type with a limit of its own. */
  readonly slots?: () => SlotFigures & { readonly types: Readonly<Record<string, SlotFigures>> };
  /** What waits for its start, by category of the diagnosis (`none`: it has none). */
  readonly pending?: () => Readonly<Record<string, PendingFigures | undefined>>;
  /** Epoch milliseconds at which what the executor's watch shows was last complete; undefined: nothing is watched. */
  readonly watchFreshAt?: () => number | undefined;
  /** Epoch milliseconds at which the token expires; undefined: never, or not known. */
  readonly tokenExpiresAt?: () => number | undefined;
  /** Epoch milliseconds at which the pull secret of the workloads expires; undefined: not known. */
  readonly pullSecretExpiresAt?: () => number | undefined;
  /** Milliseconds between two heartbeats, as the control plane announced them. Default 15,000. */
  readonly heartbeatMs?: () => number | undefined;
  /** Seconds; `createLoopMonitor` knows them. */
  readonly loopLagSeconds?: () => number;
}

export interface AgentMetricsOptions {
  readonly clock: Clock;
  readonly sources?: MetricSources;
  /** Codes of the policy and of the executor that shall have a label of their own beside the known ones. */
  readonly codes?: readonly string[];
  /** Default: this process. */
  readonly process?: ProcessFigures;
}

/** The metrics of one agent. Its observers fit the seams of dispatch and of the protocol's client side. */
export interface AgentMetrics {
  /** For `createMetricsServer`. */
  readonly contentType: string;
  /** All metrics as text in the exposition format of Prometheus. */
  render(): Promise<string>;
  /** For `createDispatcher({ observer })`. */
  readonly dispatch: DispatchMetrics;
  /** For `connect({ observer })`. */
  readonly client: ClientMetrics;
  /** A REST call to the control plane was answered; counted with the heartbeats. */
  serverCall(seconds: number): void;
  /** The API that workloads are made through answered 429. */
  throttled(): void;
}

/** Makes a registry of its own and whatever feeds it. Starts no timer. */
export function createAgentMetrics(options: AgentMetricsOptions): AgentMetrics {
  const { clock, sources = {}, codes = [] } = options;
  const registry = createMetricRegistry(() => collect());
  const categories = createLabelSet(PENDING_CATEGORIES);
  const usage = createProcessUsage(clock, options.process ?? process);
  const dispatch = createDispatchMetrics(registry, clock, codes);
  const client = createClientMetrics(registry, clock, () => sources.heartbeatMs?.());

  const collect = (): void => {
    registry.gauge('collate_hybrid_agent_cpu_usage').set(usage.cpuPercent());
    registry.gauge('collate_hybrid_agent_memory_usage').set(usage.heapMegabytes());
    registry.gauge('collate_hybrid_agent_event_loop_lag_seconds').set(sources.loopLagSeconds?.() ?? 0);
    dispatch.collect();
    client.collect();
    collectRole(registry, client.role());
    collectSlots(registry, sources.slots?.());
    collectPending(registry, categories, sources.pending?.() ?? {});
    collectWatchAge(registry, sources.watchFreshAt?.(), clock.now());
    collectExpiry(registry, 'collate_hybrid_agent_token_expiry_timestamp_seconds', sources.tokenExpiresAt?.());
    collectExpiry(
      registry,
      'collate_hybrid_agent_pull_secret_expiry_timestamp_seconds',
      sources.pullSecretExpiresAt?.(),
    );
  };
  return {
    contentType: registry.contentType,
    render: () => registry.render(),
    dispatch: dispatch.observer,
    client: client.observer,
    serverCall: (seconds) => client.answered(seconds),
    throttled: () => registry.counter('collate_hybrid_agent_api_throttled_total').inc(),
  };
}

function collectRole(registry: MetricRegistry, present: string): void {
  const gauge = registry.gauge('collate_hybrid_agent_session_role');
  for (const role of ROLES) gauge.set({ role }, role === present ? 1 : 0);
}

function collectSlots(
  registry: MetricRegistry,
  slots: ReturnType<NonNullable<MetricSources['slots']>> | undefined,
): void {
  const total = registry.gauge('collate_hybrid_agent_slots');
  const free = registry.gauge('collate_hybrid_agent_slots_free');
  if (slots === undefined) return;
  for (const [type, figures] of [['all', slots] as const, ...Object.entries(slots.types)]) {
    total.set({ pipeline_type: type }, figures.total);
    free.set({ pipeline_type: type }, figures.free);
  }
}

/** Every category has a sample: a series that goes with its last run would leave an alert without an end. */
function collectPending(
  registry: MetricRegistry,
  categories: LabelSet,
  pending: Readonly<Record<string, PendingFigures | undefined>>,
): void {
  const runs = registry.gauge('collate_hybrid_agent_runs_pending');
  const longest = registry.gauge('collate_hybrid_agent_run_pending_seconds_max');
  const figures = new Map(categories.values.map((category) => [category, { runs: 0, longestSeconds: 0 }]));
  for (const [category, found] of Object.entries(pending)) {
    const sum = figures.get(categories.of(category));
    if (sum === undefined || found === undefined) continue;
    sum.runs += found.runs;
    sum.longestSeconds = Math.max(sum.longestSeconds, found.longestSeconds);
  }
  for (const [category, sum] of figures) {
    runs.set({ category }, sum.runs);
    longest.set({ category }, sum.longestSeconds);
  }
}

function collectWatchAge(registry: MetricRegistry, freshAt: number | undefined, now: number): void {
  const gauge = registry.gauge('collate_hybrid_agent_watch_age_seconds');
  if (freshAt === undefined) gauge.remove();
  else gauge.set(Math.max(0, now - freshAt) / 1_000);
}

function collectExpiry(registry: MetricRegistry, name: MetricName<'gauge'>, expiresAt: number | undefined): void {
  const gauge = registry.gauge(name);
  // No sample is the honest answer: 0 would look like a token that expired in 1970.
  if (expiresAt === undefined) gauge.remove();
  else gauge.set(expiresAt / 1_000);
}
