import type { Clock, Logger, Random } from '@runner/core';
import { isRunnerError } from '@runner/core';
import { createKubeApi } from '@runner/kube';
import type { KubeApi, KubeIdentity } from '@runner/kube';
import { identityOf } from '../cluster.ts';
import { withToken } from '../argo.ts';
import type { AgentConfig, ArgoServer, Finding } from '../config.ts';
import type { Environment } from '../config/read.ts';
import { createDial } from '../transport/dial.ts';
import { createNetwork } from '../transport/http-agent.ts';
import type { Network } from '../transport/http-agent.ts';
import { createRest } from '../transport/rest.ts';
import { createTokenSource } from '../transport/token-source.ts';
import { VERSION } from '../version.ts';
import { askServer } from './asking.ts';
import { whoAmI } from './looking.ts';
import type { ClusterOutcome, DoctorContext, DoctorOptions, KubernetesSettings, UpgradeOutcome } from './context.ts';

export interface Surroundings {
  readonly environment: Environment;
  readonly config: AgentConfig;
  readonly warnings: readonly Finding[];
  readonly options: DoctorOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly readFile: (path: string) => Promise<string>;
  /** Aborted when everything is over. */
  readonly signal: AbortSignal;
}

export interface World extends AsyncDisposable {
  readonly context: DoctorContext;
}

const UPGRADE_MS = 15_000;
const ANSWER_MS = 10_000;
const CALL_MS = 8_000;
/** Tells servers whom they see. */
const USER_AGENT = `hybrid-runner-doctor/${VERSION}`;

/** Everything checks take from the world. Nothing is asked before a check asks for it. */
export function openWorld(around: Surroundings): World {
  const { environment, config, warnings, options, clock, random, logger, signal } = around;
  const network = createNetwork({ ...config.server, clock });
  const opened: KubeApi[] = [];
  const context: DoctorContext = {
    ...{ environment, config, warnings, options, clock, random, logger, network },
    upgrade: once(() => upgrade(around, network)),
    server: once(() => askServer(config.server.apiUrl, network, clock, within(clock, ANSWER_MS, signal))),
    cluster: once(() => openCluster(around, opened)),
  };
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((api) => api.close()));
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function within(clock: Clock, ms: number, signal: AbortSignal): AbortSignal {
  const late = new AbortController();
  const timer = clock.setTimer(ms, () => late.abort());
  signal.addEventListener('abort', () => timer.cancel(), { once: true });
  return AbortSignal.any([signal, late.signal]);
}

/** As the runner connects, and closed before a word is said: a runner that is connected is not disturbed. */
async function upgrade(around: Surroundings, network: Network): Promise<UpgradeOutcome> {
  const { config, clock, logger, readFile, signal } = around;
  const token = createTokenSource({ token: config.token, audience: config.tokenAudience, readFile, clock, logger });
  const dial = createDial({
    url: config.server.socketUrl,
    token: () => token.next(),
    network,
    rest: createRest({ base: config.server.apiUrl, network, clock }),
    clock,
    userAgent: USER_AGENT,
  });
  try {
    const socket = await dial(within(clock, UPGRADE_MS, signal));
    await new Promise<void>((resolve) => {
      socket.listen({ message: () => undefined, closed: () => resolve() });
      socket.close(1000, 'doctor: nothing was asked for');
    });
    return { opened: true };
  } catch (error) {
    return { opened: false, error };
  }
}

async function openCluster(around: Surroundings, opened: KubeApi[]): Promise<ClusterOutcome> {
  const { config, environment, clock, random, logger, signal } = around;
  const { executor } = config;
  if (executor.type === 'local' || executor.cluster === undefined) return { kind: 'none' };
  const open = (identity: KubeIdentity): KubeApi => {
    const api = createKubeApi({ identity, clock, random, logger, callTimeoutMs: CALL_MS, userAgent: USER_AGENT });
    opened.push(api);
    return api;
  };
  try {
    const identity = await identityOf(executor.cluster, environment, clock);
    const api = open(identity);
    const server = serverForWorkloads(executor);
    const version = await versionOf(api, signal);
    const user = await whoAmI(api, { signal });
    const ownNamespace = identity.place.namespace ?? 'default';
    return {
      kind: 'usable',
      sight: {
        ...{ api, version, user, ownNamespace, settings: executor },
        workloadApi: server === undefined ? api : open(await withToken(identity, server.token, clock)),
        namespace: executor.namespace ?? ownNamespace,
      },
    };
  } catch (error) {
    return { kind: 'unusable', error };
  }
}

/** In a pod, beside an Argo Server, pods of Workflows are looked after with the token for it. */
function serverForWorkloads(executor: KubernetesSettings): ArgoServer | undefined {
  return executor.type === 'argo' && executor.cluster?.kind === 'inCluster' ? executor.server : undefined;
}

/** It is open to everybody as a rule; where it is not, the cluster can be asked all the same. */
async function versionOf(api: KubeApi, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await api.version({ signal });
  } catch (error) {
    if (isRunnerError(error, 'kube_forbidden')) return undefined;
    throw error;
  }
}
