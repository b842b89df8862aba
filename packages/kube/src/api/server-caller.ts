import type { BackoffOptions, Clock, Logger, Random } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { KubeIdentity } from '../identity/identity.ts';
import type { Caller } from './caller.ts';
import { createCaller } from './caller.ts';
import type { Dialect } from './dialect.ts';
import { createExchange } from './exchange.ts';
import type { KubeObserver } from './kube-api.ts';
import { createTransport } from './transport.ts';

export interface ServerCallerOptions {
  readonly identity: KubeIdentity;
  readonly clock: Clock;
  readonly random: Random;
  /** Repeated calls are told at `debug`. Default: silent. */
  readonly logger?: Logger;
  readonly observer?: KubeObserver;
  /** Deadline of a call, its repetitions included; of a stream, until the server begins to answer. Default 30,000 ms. */
  readonly callTimeoutMs?: number;
  /** Delays between tries, full jitter. Default 200 to 5,000 ms. */
  readonly retry?: BackoffOptions;
  /** Calls at once; more wait for a connection. Streams are not counted. Default 32. */
  readonly mostCalls?: number;
  /** What logs of the server call us. Default `hybrid-ingestion-runner`. */
  readonly userAgent?: string;
}

const CALL_TIMEOUT_MS = 30_000;
const RETRY: BackoffOptions = { floorMs: 200, capMs: 5_000 };
const MOST_CALLS = 32;

/**
 * Calls to one server over kept-alive HTTP(S): deadlines, repetition, Retry-After, credentials that are renewed after a
 * 401, errors as `kubeError`s. Throws `kube_config_invalid` when the identity's certificates cannot be used.
 */
export function createServerCaller(options: ServerCallerOptions, dialect: Dialect): Caller {
  const { identity, clock, random, logger = silentLogger, observer, userAgent = 'hybrid-ingestion-runner' } = options;
  const transport = createTransport(identity, options.mostCalls ?? MOST_CALLS);
  return createCaller({
    exchange: createExchange({ identity, transport, clock, observer, userAgent, dialect }),
    transport,
    server: identity.place.server,
    dialect,
    clock,
    random,
    logger,
    timeoutMs: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
    retry: options.retry ?? RETRY,
  });
}
