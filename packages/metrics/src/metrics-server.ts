import type { Logger } from '@runner/core';
import type { Endpoint } from './endpoint.ts';
import { createEndpoint } from './endpoint.ts';
import { metricsError } from './errors.ts';

export interface MetricsServerOptions {
  /** Usually 8989. 0 takes any free port. */
  readonly port: number;
  /** Default: every address of the host. */
  readonly host?: string;
  /** Begins with `/`. Default `/metrics`. */
  readonly path?: string;
  /** What is served; `createAgentMetrics` makes it. */
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  readonly logger?: Logger;
}

/** Serves the metrics to a scraper. Throws `invalid_path` for a path that no request could have. */
export function createMetricsServer(options: MetricsServerOptions): Endpoint {
  const { path = '/metrics', metrics, ...rest } = options;
  if (!/^\/[^\s?#]*$/.test(path)) {
    throw metricsError('invalid_path', `"${path}" is not a path for metrics`, {
      hint: 'Give a path that begins with "/" and has no query, such as /metrics.',
    });
  }
  return createEndpoint({
    ...rest,
    name: 'metrics',
    routes: {
      [path]: async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.render() }),
    },
  });
}
