import type { Clock, Logger } from '@runner/core';
import type { Executor, PreflightFinding } from '@runner/executor';
import type { ArgoApi } from '@runner/executor-argo';
import { checkedToken, createKubeApi, tokenFile } from '@runner/kube';
import type { KubeApi, KubeIdentity } from '@runner/kube';
import { identityOf } from './cluster.ts';
import type { ArgoServer, ArgoSettings, TokenConfig } from './config.ts';
import { readOverrides } from './config/overrides.ts';
import { startDeadlineOf } from './start-deadline.ts';
import type { ExecutorSurroundings } from './executors.ts';

/** A look that is as good as none would only keep both sides busy. */
const SHORTEST_BACKOFF_MS = 100;

/**
 * Runs as Workflows: over the Argo Server where one is named, else through the Kubernetes API alone. Nobody is asked
 * anything yet: a server that is down may come back.
 * @throws kube_config_invalid, override_invalid
 */
export async function openArgo(settings: ArgoSettings, around: ExecutorSurroundings): Promise<Executor> {
  const { createArgoExecutor } = await import('@runner/executor-argo');
  const { config, clock, random, logger, apiObserver: observer } = around;
  const overrides = await readOverrides(settings);
  const identity = await identityBeside(settings, around);
  const kube = identity === undefined ? undefined : createKubeApi({ identity, clock, random, logger, observer });
  const argo = await apiOf(settings.server, kube, around);
  const namespace = settings.namespace ?? identity?.place.namespace ?? 'default';
  logger.info(`workloads are Workflows of ${argo.place.description}`, { namespace, pods: kube?.place.server });
  const executor = createArgoExecutor({
    argo,
    ...(kube === undefined ? {} : { kube }),
    namespace,
    pods: settings.pods,
    overrides,
    ttlSeconds: settings.secondsAfterCompletion,
    startDeadlineSeconds: startDeadlineOf(config),
    clock,
    random,
    logger,
  });
  const everyMs = Math.max(SHORTEST_BACKOFF_MS, settings.testConnectionBackoffSeconds * 1_000);
  return {
    ...executor,
    preflight: (signal) => untilUsable(executor, { everyMs, clock, logger, signal }),
    close: async () => {
      await executor.close();
      await argo.close();
      await kube?.close();
    },
  };
}

async function apiOf(
  server: ArgoServer | undefined,
  kube: KubeApi | undefined,
  { clock, random, logger, apiObserver: observer }: ExecutorSurroundings,
): Promise<ArgoApi> {
  const { createArgoCrdApi, createArgoServerApi } = await import('@runner/executor-argo');
  if (server !== undefined) {
    const { endpoint, token, certificateAuthority: ca } = server;
    return createArgoServerApi({
      endpoint,
      ...(token.file === undefined ? { token: token.value.reveal() } : { tokenFile: token.file }),
      ...(ca === undefined ? {} : { ca }),
      ...{ clock, random, logger, observer },
    });
  }
  if (kube === undefined) throw new TypeError('without an Argo Server there must be a cluster');
  return createArgoCrdApi({ kube });
}

/**
 * As whom the Kubernetes API is spoken to. Beside an Argo Server that is the holder of its token, who has the rights on the
 * pods of Workflows: under the official chart the agent's own account has none.
 */
async function identityBeside(
  { cluster, server }: ArgoSettings,
  { environment, clock }: ExecutorSurroundings,
): Promise<KubeIdentity | undefined> {
  if (cluster === undefined) return undefined;
  const own = await identityOf(cluster, environment, clock);
  return server === undefined || cluster.kind === 'kubeconfig' ? own : withToken(own, server.token, clock);
}

/** The same place, as the holder of this token. */
export async function withToken(own: KubeIdentity, { value, file }: TokenConfig, clock: Clock): Promise<KubeIdentity> {
  const { readFile } = await import('node:fs/promises');
  const source =
    file === undefined
      ? undefined
      : tokenFile(file, async (path) => (await readFile(path, 'utf8')).trim().replace(/^Bearer\s+/i, ''), clock);
  const fixed = checkedToken(value.reveal(), 'ARGO_TOKEN');
  const authorization: KubeIdentity['authorization'] = async ({ refresh, signal }) => {
    // Looks after the certificate authorities as well.
    await own.authorization({ refresh: false, signal });
    return `Bearer ${source === undefined ? fixed : await source.token(refresh)}`;
  };
  // What stands behind the other fields may change.
  return Object.assign(Object.create(own) as KubeIdentity, { authorization });
}

interface Patience {
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Looks again until Argo can be asked, and tells each other answer once; what it then lacks is for the caller to tell. */
async function untilUsable(
  executor: Executor,
  { everyMs, clock, logger, signal }: Patience,
): Promise<readonly PreflightFinding[]> {
  for (let told = ''; ;) {
    const findings = await executor.preflight(signal);
    const trouble = findings.find(({ code }) => code === 'argo_unusable');
    if (trouble === undefined) return findings;
    const { code, message, hint } = trouble;
    if (told !== message) logger.error(`preflight: ${message}`, { code, hint, againEverySeconds: everyMs / 1_000 });
    told = message;
    await clock.sleep(everyMs, signal);
  }
}
