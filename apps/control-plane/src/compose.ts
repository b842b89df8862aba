import type { Clock, Logger, Random } from '@runner/core';
import { RunnerError, createLifecycle, systemClock, systemRandom } from '@runner/core';
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { RequestListener } from 'node:http';
import { apiServerOptions, registerApi } from './api/index.ts';
import { createAuth } from './auth/index.ts';
import type { Config } from './config.ts';
import { createGateway } from './gateway/index.ts';
import { createEndings } from './openmetadata/endings.ts';
import { createTrigger } from './openmetadata/trigger.ts';
import { addressFile } from './process/address-file.ts';
import type { Closing } from './process/closing.ts';
import { createClosing } from './process/closing.ts';
import type { Door } from './process/door.ts';
import { openDoor } from './process/door.ts';
import { createHousekeeping } from './process/housekeeping.ts';
import { createScheduler } from './scheduler/index.ts';
import { createStore, startEmbeddedPostgres } from './store/index.ts';
import type { SettingsStore } from './store/ports.ts';

/** A control plane that serves. */
export interface ControlPlane {
  /** How this host reaches it. */
  readonly url: string;
  /**
   * Takes no more requests, tells agents to come back, ends what is under way and stops the database if it is its own;
   * harder once `deadlineMs` has passed (default 20,000). Workloads live on.
   */
  stop(deadlineMs?: number): Promise<void>;
}

export interface Surroundings {
  readonly logger: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Told where the first administrator's token was left, on the one start that made it. */
  readonly firstAdminToken?: (path: string) => void;
}

const STOP_WITHIN_MS = 20_000;

/** The composition root: everything concrete is made here, in the order in which work flows. */
export async function startControlPlane(config: Config, surroundings: Surroundings): Promise<ControlPlane> {
  const { logger, clock = systemClock({ keepAlive: true }) } = surroundings;
  const closing = createClosing(clock, logger);
  try {
    const url = await start(config, closing, { ...surroundings, clock });
    return { url, stop: (deadlineMs = STOP_WITHIN_MS) => closing.run(deadlineMs) };
  } catch (error) {
    await closing.run(STOP_WITHIN_MS);
    throw error;
  }
}

async function start(config: Config, closing: Closing, around: Surroundings & { clock: Clock }): Promise<string> {
  const { logger, clock, random = systemRandom() } = around;
  const common = { clock, random, logger };
  const { openMetadataVersion, runDeadlineSeconds } = config;

  const address = addressFile(config.dataDir);
  // Where it cannot be removed it cannot be written, which is said below.
  await address.remove().catch(() => undefined);
  const door = await openDoor(config.host, config.port, clock);
  closing.add('door', () => door.close());
  const settings = { ...config, publicUrl: config.publicUrl ?? door.url };

  const url = await databaseUrl(config, closing, common);
  const store = await createStore({ ...common, url, logMaxBytes: config.logMaxBytes });
  closing.add('store', () => store.close());

  const auth = await createAuth({
    ...common,
    store,
    outsideIssuers: config.outsideJwksUrls,
    publicUrl: settings.publicUrl,
  });
  const gateway = createGateway({
    ...common,
    store,
    auth,
    controlPlaneId: await controlPlaneId(store.settings, random),
    replicaId: random.uuid(),
    openMetadataVersion,
    runDeadlineSeconds,
  });
  const trigger = createTrigger({ ...common, store, auth, config: settings });
  const endings = createEndings({ ...common, store, trigger, config: settings });
  const scheduler = createScheduler({ ...common, store, trigger });
  const housekeeping = createHousekeeping({ ...common, store, logRetentionDays: config.logRetentionDays });

  const { app, handler } = newApp(config, door, random);
  closing.add('REST', () => app.close());
  await registerApi(app, { ...common, store, auth, trigger, gateway, config: settings });
  await app.ready();

  const lifecycle = createLifecycle([gateway, endings, scheduler, housekeeping], { clock, logger });
  closing.add('work', () => lifecycle.stop(STOP_WITHIN_MS));
  await lifecycle.start();
  const first = await auth.firstAdminToken(config.adminTokenFile);
  if (first !== undefined) around.firstAdminToken?.(first.path);
  door.serve(handler());
  gateway.attach(door.server);
  // Requests end before what they need does.
  closing.add('requests', () => door.close());

  closing.add('address', () => address.remove());
  await address.write(door.url);
  logger.info('the control plane is ready', { url: door.url, publicUrl: settings.publicUrl, openMetadataVersion });
  return door.url;
}

type Common = { readonly clock: Clock; readonly random: Random; readonly logger: Logger };

async function databaseUrl(config: Config, closing: Closing, common: Common): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl.reveal();
  const postgres = await startEmbeddedPostgres({ ...common, folder: config.dataDir });
  closing.add('PostgreSQL', () => postgres.stop());
  return postgres.url;
}

/** The id that workloads carry; made at the first start and kept as long as the store. */
async function controlPlaneId(settings: SettingsStore, random: Random): Promise<string> {
  const { id } = await settings.getOrCreate('controlPlane', () => Promise.resolve({ id: random.uuid() }));
  return String(id);
}

/** Fastify for the server that listens already; every answer carries the id under which the log speaks of its request. */
function newApp(config: Config, door: Door, random: Random): { app: FastifyInstance; handler: () => RequestListener } {
  let handler: RequestListener | undefined;
  const app = Fastify({
    ...apiServerOptions(config),
    genReqId: () => random.uuid(),
    serverFactory: (serve) => {
      handler = serve;
      return door.server;
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  return {
    app,
    handler: () => {
      if (handler === undefined) throw new RunnerError('internal', 'Fastify made no handler');
      return handler;
    },
  };
}
