import type { Secret } from '@runner/core';
import type { TRACING_VARIABLES } from './tracing-variables.ts';
import type { Values } from './variable.ts';

/** Where spans of runs go. */
export interface TracingConfig {
  readonly url: URL;
  readonly headers: ReadonlyMap<string, Secret>;
  readonly serviceName: string;
}

/** @returns undefined where nothing is exported */
export function tracingConfig(values: Values<typeof TRACING_VARIABLES>): TracingConfig | undefined {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : tracesBelow(base));
  if (url === undefined) return undefined;
  return { url, headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? new Map(), serviceName: values.OTEL_SERVICE_NAME };
}

function tracesBelow(base: URL): URL {
  return new URL(`${base.href.replace(/\/+$/, '')}/v1/traces`);
}
