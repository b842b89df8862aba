import type { Clock, Component, Logger, Random } from '@runner/core';
import type { BridgeObserver } from '@runner/protocol/server';
import { createBridge } from '@runner/protocol/server';
import type { AttachedServer } from '@runner/protocol/ws';
import { attachWebSocketServer } from '@runner/protocol/ws';
import type { Server } from 'node:http';
import type { Auth } from '../auth/index.ts';
import type { Store } from '../store/ports.ts';
import { createLogCollector } from './log-collector.ts';
import type { Gateway } from './ports.ts';
import { createRegistration } from './registration.ts';
import { createRevocation } from './revocation.ts';
import { createRunLogs } from './run-logs.ts';
import { createSecretChecks } from './secret-checks.ts';
import { createTasks } from './tasks.ts';
import { authenticateUpgrade } from './upgrade.ts';
import { withTokens } from './start-tokens.ts';

export interface GatewayOptions {
  readonly store: Store;
  readonly auth: Pick<Auth, 'agentIdentity' | 'runToken'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** UUID of the store; workloads carry it. */
  readonly controlPlaneId: string;
  /** This process. */
  readonly replicaId: string;
  readonly openMetadataVersion?: string;
  /** Deadline of a run that is adopted without a row, in seconds. */
  readonly runDeadlineSeconds?: number;
  /** For metrics and tests. */
  readonly observer?: BridgeObserver;
  /** Defaults of the parts, for tests that cannot wait. */
  readonly pace?: {
    readonly registrationMs?: number;
    readonly revocationMs?: number;
    readonly logLookMs?: number;
    readonly readerMs?: number;
  };
}

export interface GatewayRoom extends Gateway, Component {
  /** Serves agents on this HTTP server: at the bridge's path and at `/`. */
  attach(server: Server): AttachedServer;
}

/** Puts the rooms of the gateway together: bridge, registration, revocation, log collector, readers of stored logs. */
export function createGateway(options: GatewayOptions): GatewayRoom {
  const { store, auth, clock, random, logger, pace = {} } = options;
  const tasks = createTasks(logger);
  const observers: BridgeObserver[] = options.observer === undefined ? [] : [options.observer];
  const bridge = createBridge({
    runs: withTokens(store.runBook, auth),
    agents: store.agentBook,
    bus: store.bus,
    clock,
    random,
    logger,
    controlPlaneId: options.controlPlaneId,
    replicaId: options.replicaId,
    openMetadataVersion: () => options.openMetadataVersion,
    observer: toAll(observers),
    ...(options.runDeadlineSeconds === undefined ? {} : { adoptedDeadlineSeconds: options.runDeadlineSeconds }),
  });
  const registration = createRegistration({
    ...{ runners: store.runners, tasks, clock, logger },
    refuse: (agentId) => bridge.disconnect(agentId, 'revoked'),
    connected: (agentId) => bridge.connected(agentId),
    ...(pace.registrationMs === undefined ? {} : { everyMs: pace.registrationMs }),
  });
  const revocation = createRevocation({
    ...{ bridge, tokens: store.tokens, runners: store.runners, signals: store.signals, tasks, clock, logger },
    ...(pace.revocationMs === undefined ? {} : { everyMs: pace.revocationMs }),
  });
  const collector = createLogCollector({
    ...{ bridge, logs: store.logs, runs: store.runBook, tasks, clock, random, logger },
    uncollected: (agentId, endedAfter, limit) => store.runs.uncollected(agentId, endedAfter, limit),
    ...(pace.logLookMs === undefined ? {} : { lookEveryMs: pace.logLookMs }),
  });
  observers.push(registration.observer, collector.observer);
  const logs = createRunLogs({
    ...{ logs: store.logs, runs: store.runBook, signals: store.signals, clock },
    ...(pace.readerMs === undefined ? {} : { lookEveryMs: pace.readerMs }),
  });
  const secretChecks = createSecretChecks({ bridge, signals: store.signals, tasks, random, logger });
  const stopping = new AbortController();
  let attached: AttachedServer | undefined;

  return {
    name: 'gateway',
    bridge,
    logs,
    checkSecrets: (agentId, references, signal) =>
      secretChecks.check(agentId, references, AbortSignal.any([signal, stopping.signal])),
    disconnectRunner: (agentId) => revocation.runner(agentId),
    disconnectToken: (tokenId) => revocation.token(tokenId),
    attach: (server) => {
      attached = attachWebSocketServer(server, {
        authenticate: (request) => authenticateUpgrade(auth, request),
        accept: (socket, identity) => bridge.accept(socket, identity),
        clock,
        logger,
      });
      return attached;
    },
    start: () => {
      tasks.run('keeping the list of runners ended', () => registration.run(stopping.signal));
      tasks.run('checking open sockets ended', () => revocation.run(stopping.signal));
      tasks.run('answering other replicas about references ended', () => secretChecks.run(stopping.signal));
      return Promise.resolve();
    },
    stop: async (signal) => {
      attached?.close();
      stopping.abort();
      collector.stop();
      logs.close();
      await bridge.close(signal);
      await tasks.drained();
    },
  };
}

/** One observer that tells many; they are added while the room is built. */
function toAll(observers: readonly BridgeObserver[]): BridgeObserver {
  return {
    connected: (agent) => observers.forEach((observer) => observer.connected?.(agent)),
    changed: (agent) => observers.forEach((observer) => observer.changed?.(agent)),
    disconnected: (agent, code, reason) =>
      observers.forEach((observer) => observer.disconnected?.(agent, code, reason)),
    runChanged: (before, after) => observers.forEach((observer) => observer.runChanged?.(before, after)),
    frameReceived: (type, bytes) => observers.forEach((observer) => observer.frameReceived?.(type, bytes)),
    frameSent: (type, bytes) => observers.forEach((observer) => observer.frameSent?.(type, bytes)),
    ignored: (reason) => observers.forEach((observer) => observer.ignored?.(reason)),
  };
}
