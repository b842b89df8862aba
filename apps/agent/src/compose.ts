import { readFile } from 'node:fs/promises';
import { createLifecycle } from '@runner/core';
import type { Clock, Logger, Random } from '@runner/core';
import type { FaultHook } from '@runner/dispatch';
import { createAgent } from './agent.ts';
import type { Agent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import type { Environment } from './config/read.ts';
import { createExecutor } from './executors.ts';
import { createPolicy } from './policy.ts';
import { preflight } from './preflight.ts';
import { createDial } from './transport/dial.ts';
import { createNetwork } from './transport/http-agent.ts';
import { createRest } from './transport/rest.ts';
import { createTokenSource } from './transport/token-source.ts';
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
  readonly agent: Agent;
  start(): Promise<void>;
  /** Drains and leaves, within this time. */
  stop(deadlineMs: number): Promise<void>;
}

export async function compose(config: AgentConfig, world: World): Promise<App> {
  const { clock, random, logger, faultPoint } = world;
  const { server, secrets, limits } = config;

  const network = createNetwork({ ...server, clock });
  const rest = createRest(server.apiUrl, network);
  const token = createTokenSource({
    token: config.token,
    audience: config.tokenAudience,
    readFile: (path) => readFile(path, 'utf8'),
    clock,
    logger,
  });
  const dial = createDial({
    url: server.socketUrl,
    token,
    network,
    rest,
    clock,
    userAgent: `hybrid-runner-agent/${VERSION}`,
  });

  const policy = createPolicy({
    config: { secretsManager: secrets.manager, disableVersionValidation: config.disableVersionValidation },
    plaintext: secrets.plaintext,
    logger,
  });
  const executor = await createExecutor(config.executor, { config, environment: world.environment, clock, logger });

  const agent = createAgent({
    agentId: config.agentId,
    version: VERSION,
    executor,
    secretsManager: secrets.manager,
    dial,
    reconnectFloorMs: server.reconnectFloorMs,
    limits,
    policy,
    startDeadlineSeconds: () => config.startDeadlineSeconds,
    ...(config.runDeadlineSeconds === undefined ? {} : { longestRunSeconds: config.runDeadlineSeconds }),
    clock,
    random,
    logger,
    ...(faultPoint === undefined ? {} : { faultPoint }),
  });

  const lifecycle = createLifecycle(
    [
      { name: 'executor', start: (signal) => preflight(executor, logger, signal), stop: () => executor.close() },
      {
        name: 'agent',
        start: () => {
          logger.info(startLine(config, executor.kind), { instanceId: agent.instanceId });
          agent.start();
          return Promise.resolve();
        },
        stop: (signal) => agent.drain(signal),
      },
    ],
    { clock, logger },
  );
  return { agent, start: () => lifecycle.start(), stop: (deadlineMs) => lifecycle.stop(deadlineMs) };
}

/** The one line people look for: what this process is and whom it talks to. */
function startLine({ agentId, secrets, server }: AgentConfig, executor: string): string {
  return `agent ${VERSION}: agentId=${agentId} executor=${executor} secretsManager=${secrets.manager} server=${server.socketUrl}`;
}
