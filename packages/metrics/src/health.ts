import type { Logger } from '@runner/core';
import { messageOf } from '@runner/core';
import type { Answer, Endpoint } from './endpoint.ts';
import { createEndpoint } from './endpoint.ts';

/** One thing that must be right, and why it is not. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** A sentence for the operator; never a secret. */
  readonly reason?: string;
}

export interface HealthServerOptions {
  /** Usually 8585. 0 takes any free port. */
  readonly port: number;
  /** Default: every address of the host. */
  readonly host?: string;
  /** Whether the process is worth keeping; a failing check restarts it. Usually the event loop only. */
  readonly liveness: () => readonly HealthCheck[];
  /** Whether it can do its work: session, executor. Failing restarts nothing. */
  readonly readiness: () => readonly HealthCheck[];
  readonly logger?: Logger;
}

/**
 * `GET /healthz` and `GET /readyz`: 200 when every check is right, else 503, and the checks as JSON. A check that throws
 * is a check that failed.
 */
export function createHealthServer(options: HealthServerOptions): Endpoint {
  const { liveness, readiness, ...rest } = options;
  return createEndpoint({
    ...rest,
    name: 'health',
    routes: { '/healthz': () => verdict(liveness), '/readyz': () => verdict(readiness) },
  });
}

function verdict(ask: () => readonly HealthCheck[]): Answer {
  const checks = results(ask);
  const ok = checks.every((check) => check.ok);
  return {
    status: ok ? 200 : 503,
    contentType: 'application/json; charset=utf-8',
    body: `${JSON.stringify({ status: ok ? 'ok' : 'unavailable', checks })}\n`,
  };
}

function results(ask: () => readonly HealthCheck[]): readonly HealthCheck[] {
  try {
    return ask().map(({ name, ok, reason }) => ({ name, ok, ...(reason === undefined ? {} : { reason }) }));
  } catch (error) {
    return [{ name: 'checks', ok: false, reason: `a check failed: ${messageOf(error)}` }];
  }
}
