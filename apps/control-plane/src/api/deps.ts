import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Logger, Random } from '@runner/core';
import type { Auth } from '../auth/index.ts';
import type { Gateway } from '../gateway/ports.ts';
import type { Trigger, TriggerConfig } from '../openmetadata/trigger.ts';
import type { Store } from '../store/ports.ts';

/** What the API needs of the configuration. */
export interface ApiConfig extends TriggerConfig {
  /** Requests a minute that one token may make. */
  readonly rateLimitPerMinute: number;
  /** Longest request body, in bytes; logs that workloads post may have four times as much. */
  readonly bodyLimitBytes: number;
}

export interface ApiDeps {
  readonly store: Store;
  readonly auth: Auth;
  readonly trigger: Trigger;
  readonly gateway: Pick<Gateway, 'logs' | 'checkSecrets' | 'disconnectRunner' | 'disconnectToken'> & {
    readonly bridge: Pick<Gateway['bridge'], 'connected'>;
  };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: ApiConfig;
}

/** Fastify with schemas in zod. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
