import type { Clock, Component, Logger, Random } from '@runner/core';
import { messageOf } from '@runner/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../config/tracing.ts';
import type { Network } from '../transport/http-agent.ts';
import { VERSION } from '../version.ts';
import { createRunSpans } from './run-spans.ts';
import type { RunSpans } from './run-spans.ts';

export interface ExportingOptions {
  readonly config: TracingConfig;
  readonly agentId: string;
  readonly executor: string;
  readonly mostOpen: number;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Spans of runs on their way to a collector. Its `stop` ends what is open and sends what is left. */
export interface Exporting extends Component {
  readonly spans: RunSpans;
}

/** Spans that wait for the collector; beyond it new ones are dropped. */
const QUEUE = 2_048;
const BATCH = 512;
const SEND_EVERY_MS = 5_000;
/** The longest one batch is tried, further tries included. */
const SEND_WITHIN_MS = 5_000;
/** The longest a stop waits for the collector: the time to leave is for the runs. */
const FLUSH_WITHIN_MS = 2_000;

/** Never in the way of a run: spans are handed to a bounded queue, and what cannot be sent is dropped. */
export function createExporting(options: ExportingOptions): Exporting {
  const { config, clock, random, logger } = options;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': config.serviceName, 'service.version': VERSION }),
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    idGenerator: {
      generateTraceId: () => hex(random),
      // The second half of a random UUID is never zero.
      generateSpanId: () => hex(random).slice(16),
    },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: telling(exporterTo(options), config.url, logger),
        maxQueueSize: QUEUE,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: 2 * SEND_WITHIN_MS,
      }),
    ],
  });
  const spans = createRunSpans({ ...options, tracer: provider.getTracer('hybrid-ingestion-runner', VERSION) });
  return {
    name: 'tracing',
    spans,
    stop: async (signal) => {
      spans.leave();
      // What could not be sent was told by the exporter.
      const sent = provider.shutdown().catch(() => undefined);
      const enough = new AbortController();
      const late = clock.sleep(FLUSH_WITHIN_MS, AbortSignal.any([signal, enough.signal])).catch(() => undefined);
      await Promise.race([sent, late]);
      enough.abort();
    },
  };
}

function exporterTo({ config, network }: ExportingOptions): SpanExporter {
  const { url, headers } = config;
  const agent = network.agentFor(url);
  return new OTLPTraceExporter({
    url: url.href,
    headers: Object.fromEntries([...headers].map(([name, value]) => [name, value.reveal()])),
    timeoutMillis: SEND_WITHIN_MS,
    userAgent: `hybrid-runner-agent/${VERSION}`,
    // One way out for everything: the same proxy and authorities as for the control plane.
    ...(agent === undefined ? {} : { httpAgentOptions: () => agent }),
  });
}

/** Says once per outage that spans are lost, and once that they arrive again. */
function telling(exporter: SpanExporter, url: URL, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const { error } = result;
        const failed = error !== undefined;
        const about = { collector: url.origin };
        if (failed && !failing)
          logger.warn('spans are lost: the collector does not take them', { ...about, reason: messageOf(error) });
        if (!failed && failing) logger.info('the collector takes spans again', about);
        failing = failed;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

function hex(random: Random): string {
  return random.uuid().replaceAll('-', '');
}
