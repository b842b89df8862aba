/** Level 3: the only room with a metrics registry; metrics and health endpoints. */
export { createAgentMetrics } from './agent-metrics.ts';
export type { AgentMetrics, AgentMetricsOptions, MetricSources, PendingFigures, SlotFigures } from './agent-metrics.ts';
export { METRICS } from './catalogue.ts';
export type { MetricDefinition, MetricName } from './catalogue.ts';
export type { ClientMetrics } from './client-metrics.ts';
export type { DispatchMetrics } from './dispatch-metrics.ts';
export type { Endpoint } from './endpoint.ts';
export type { MetricsErrorCode } from './errors.ts';
export { createHealthServer } from './health.ts';
export type { HealthCheck, HealthServerOptions } from './health.ts';
export { createLoopMonitor } from './loop-monitor.ts';
export type { LoopMonitor, LoopMonitorOptions } from './loop-monitor.ts';
export { createMetricsServer } from './metrics-server.ts';
export type { MetricsServerOptions } from './metrics-server.ts';
export type { ProcessFigures } from './process-usage.ts';
export { WINDOW_MS } from './window-max.ts';
