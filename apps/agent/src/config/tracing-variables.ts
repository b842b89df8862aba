import { Secret } from '@runner/core';
import type { Format } from './format.ts';
import { format, right, text, url, wrong } from './format.ts';
import { defaulted, optional } from './variable.ts';

/** Token characters of RFC 9110 for names; visible characters for values, percent-encoded where needed. */
const PAIR = /^([!#$%&'*+.^`|~\w-]+)\s*=\s*([\x21-\x7e]*)$/;

const headers: Format<ReadonlyMap<string, Secret>> = format('`name=value` pairs, comma-separated', (raw) => {
  const out = new Map<string, Secret>();
  for (const part of raw.split(',').map((one) => one.trim())) {
    const [, name = '', value = ''] = PAIR.exec(part) ?? [];
    if (name === '') return wrong('is not a list of name=value pairs', 'write for example api-key=abc,tenant=one');
    const plain = decoded(value);
    if (plain === undefined) return wrong('holds a % that begins no escape', 'write a percent sign as %25');
    out.set(name, new Secret(plain));
  }
  return right(out);
});

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

const endpoint = url(['https', 'http']);

/** Names and meanings are those of OpenTelemetry; what else it names is not read. */
export const TRACING_VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(endpoint, {
    group: 'tracing',
    meaning:
      'Base URL of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://otel-collector:4318`. Each run becomes a span there. Unset: nothing is exported.',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional(endpoint, {
    group: 'tracing',
    meaning: 'The whole URL for traces; nothing is added to it.',
    defaultNote: '`OTEL_EXPORTER_OTLP_ENDPOINT` and `/v1/traces`',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: optional(headers, {
    group: 'tracing',
    meaning: 'Headers for the collector, such as its key.',
    sensitive: true,
  }),
  OTEL_SERVICE_NAME: defaulted(text({ max: 256 }), 'hybrid-ingestion-runner', {
    group: 'tracing',
    meaning: 'What the spans are said to come from.',
  }),
} as const;
