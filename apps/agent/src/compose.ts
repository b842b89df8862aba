import { readFile } from 'node:fs/promises';
import { createLifecycle } from '@runner/core';
import type { Clock, Component, Logger, Random } from '@runner/core';
import type { FaultHook } from '@runner/dispatch';
import type { Executor } from '@runner/executor';
import { createKubeApi } from '@runner/kube';
import type { KubeApi } from '@runner/kube';
import { createAgentMetrics, createHealthServer, createLoopMonitor, createMetricsServer } from '@runner/metrics';
import type { AgentMetrics, LoopMonitor } from '@runner/metrics';
import type { Dial } from '@runner/protocol/client';
import { createAgent } from './agent.ts';
import type { Agent } from './agent.ts';
import type { AgentConfig, SecretsConfig } from './config.ts';
import type { Environment } from './config/read.ts';
import { identityOf } from './cluster.ts';
import { createExecutor } from './executors.ts';
import { createPolicy } from './policy.ts';
import { executorComponent } from './preflight.ts';
import { readinessChecks } from './readiness.ts';
import { createExpiryWatch } from './registry/expiry-watch.ts';
import type { ExpiryWatch } from './registry/expiry-watch.ts';
import { tellingPullSecret } from './registry/pull-diagnosis.ts';
import { secretCheck } from './secret-check.ts';
import type { CheckSecrets } from './secret-check.ts';
import type { SecretPreflight } from './secret-preflight.ts';
import { startDeadlineOf } from './start-deadline.ts';
import { bothObservers } from './tracing/both-observers.ts';
import type { Exporting } from './tracing/exporting.ts';
import { createDial } from './transport/dial.ts';
import { createNetwork } from './transport/http-agent.ts';
import type { Network } from './transport/http-agent.ts';
import { createRest } from './transport/rest.ts';
import { createTokenSource } from './transport/token-source.ts';
import type { TokenSource } from './transport/token-source.ts';
import { createTokenWatch } from './transport/token-watch.ts';
import { VERSION } from './version.ts';

/*
 * Everything concrete is made here, in the order in which work flows:
 *
 *   control plane ══ wss ══► network ► dial ► session ► dispatcher: dedupe ► policy ► limiter ► executor ► workload
 *                              ▲                 ▲                                                │
 *                     proxy, CAs, token          └── reports, logs ◄── translate ◄── observations ┘
 */

/** What the composition takes from the process. */
export interface World {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For tests that kill the process. */
  readonly faultPoint: FaultHook | undefined;
}

export interface App {
  start(): Promise<void>;
  /** Drains and leaves, within this time. */
  stop(deadlineMs: number): Promise<void>;
}

export async function compose(config: AgentConfig, around: World): Promise<App> {
  const { secrets } = config;
  // In every line, as users were promised to find it: kubectl shows the last ten of a pod that is named by its label.
  const world = { ...around, logger: around.logger.child({ secretsManager: secrets.manager }) };
  const { environment, clock, random, logger, faultPoint } = world;

  const loop = createLoopMonitor({ clock });
  const metrics = createAgentMetrics({
    clock,
    sources: {
      slots: () => agent.status().dispatch.slots,
      pending: () => agent.status().dispatch.pending,
      watchFreshAt: () => executor.freshAt?.(),
      tokenExpiresAt: () => token.expiresAt(),
      pullSecretExpiresAt: () => pullSecret?.status()?.expiresAt,
      heartbeatMs: () => agent.status().session?.welcome.timings.heartbeatMs,
      loopLagSeconds: () => loop.lagSeconds(),
    },
  });
  const token = createTokenSource({
    token: config.token,
    audience: config.tokenAudience,
    readFile: (path) => readFile(path, 'utf8'),
    clock,
    logger,
  });
  const policy = createPolicy({
    config: { secretsManager: secrets.manager, disableVersionValidation: config.disableVersionValidation },
    plaintext: secrets.plaintext,
    logger,
  });
  const pullSecret = composePullSecret(config, world);
  const executor = await createExecutor(config.executor, {
    ...{ config, environment, clock, random, logger },
    apiObserver: {
      called: ({ status }) => {
        if (status === 429) metrics.throttled();
      },
    },
  });
  const checkSecrets = secretCheck(secrets.check, executor);
  const network = createNetwork({ ...config.server, clock });
  const tracing = await composeTracing(config, executor.kind, network, world);
  const agent = createAgent({
    ...(checkSecrets === undefined ? {} : { checkSecrets }),
    hasExitStep: config.executor.type === 'argo',
    agentId: config.agentId,
    version: VERSION,
    dial: composeDial(config, token, network, metrics, clock),
    reconnectFloorMs: config.server.reconnectFloorMs,
    policy,
    limits: config.limits,
    executor:
      pullSecret === undefined ? executor : tellingPullSecret(executor, { ...pullSecret, now: () => clock.now() }),
    secretsManager: secrets.manager,
    startDeadlineSeconds: startDeadlineOf(config),
    permanentGraceMs: config.permanentGraceMs,
    ...(config.runDeadlineSeconds === undefined ? {} : { longestRunSeconds: config.runDeadlineSeconds }),
    dispatchObserver: bothObservers(metrics.dispatch, tracing?.spans.observer),
    ...(tracing === undefined ? {} : { onStart: tracing.spans.received }),
    clientObserver: metrics.client,
    clock,
    random,
    logger,
    ...(faultPoint === undefined ? {} : { faultPoint }),
  });
  const lifecycle = createLifecycle(
    [
      loopComponent(loop),
      ...(tracing === undefined ? [] : [tracing]),
      ...composeEndpoints(config, agent, metrics, loop, logger),
      executorComponent(executor, clock, logger, preflightOf(secrets, checkSecrets)),
      agentComponent(config, agent, executor, logger),
      createTokenWatch({ agent, token, clock }),
      ...(pullSecret === undefined ? [] : [pullSecret]),
    ],
    { clock, logger },
  );
  return { start: () => lifecycle.start(), stop: (deadlineMs) => lifecycle.stop(deadlineMs) };
}

function preflightOf(
  { preflightReference: reference }: SecretsConfig,
  check: CheckSecrets | undefined,
): SecretPreflight | undefined {
  return reference === undefined ? undefined : { reference, check };
}

/** What the registry helper says of the pull secret, where there is a helper. */
function composePullSecret({ pullSecretStatus }: AgentConfig, world: World): ExpiryWatch | undefined {
  if (pullSecretStatus === undefined) return undefined;
  const { configMap, cluster } = pullSecretStatus;
  const { environment, clock, random, logger } = world;
  const open = async (): Promise<KubeApi> =>
    createKubeApi({ identity: await identityOf(cluster, environment, clock), clock, random, logger });
  return createExpiryWatch({ open, configMap, clock, logger });
}

/** Where spans go nowhere, nothing of what makes and sends them is loaded. */
async function composeTracing(
  { tracing, agentId, limits }: AgentConfig,
  executor: string,
  network: Network,
  world: World,
): Promise<Exporting | undefined> {
  if (tracing === undefined) return undefined;
  const { createExporting } = await import('./tracing/exporting.ts');
  return createExporting({ ...world, config: tracing, agentId, executor, mostOpen: 2 * limits.total, network });
}

/** The way out: proxy and certificate authorities are the same for the socket and for REST. */
function composeDial(
  { server }: AgentConfig,
  token: TokenSource,
  network: Network,
  metrics: AgentMetrics,
  clock: Clock,
): Dial {
  return createDial({
    url: server.socketUrl,
    token: () => token.next(),
    network,
    rest: createRest({ base: server.apiUrl, network, clock, onAnswer: (seconds) => metrics.serverCall(seconds) }),
    clock,
    userAgent: `hybrid-runner-agent/${VERSION}`,
  });
}

function composeEndpoints(
  config: AgentConfig,
  agent: Agent,
  metrics: AgentMetrics,
  loop: LoopMonitor,
  logger: Logger,
): readonly Component[] {
  const listen = { logger, ...(config.listenAddress === undefined ? {} : { host: config.listenAddress }) };
  return [
    createHealthServer({
      ...listen,
      port: config.healthPort,
      liveness: () => [loop.check()],
      readiness: () => readinessChecks(agent.status()),
    }),
    createMetricsServer({ ...listen, ...config.metrics, metrics }),
  ];
}

function loopComponent(loop: LoopMonitor): Component {
  return {
    name: 'event loop',
    stop: () => {
      loop.stop();
      return Promise.resolve();
    },
  };
}

function agentComponent(config: AgentConfig, agent: Agent, executor: Executor, logger: Logger): Component {
  return {
    name: 'agent',
    start: () => {
      logger.info(startLine(config, executor.kind), { instanceId: agent.instanceId });
      agent.start();
      return Promise.resolve();
    },
    stop: (signal) => agent.drain(signal),
  };
}

/** The one line people look for: what this process is and whom it talks to. */
function startLine({ agentId, secrets, server }: AgentConfig, executor: string): string {
  return `agent ${VERSION}: agentId=${agentId} executor=${executor} secretsManager=${secrets.manager} server=${server.socketUrl}`;
}
