import { readFileSync } from 'node:fs';
import { isAbort, isRunnerError, systemClock, systemRandom } from '@runner/core';
import type { Clock, Logger, Random } from '@runner/core';
import { CONFIG_MAPS, createKubeApi } from '@runner/kube';
import type { KubeApi } from '@runner/kube';
import { destination } from 'pino';
import { identityOf } from '../cluster.ts';
import type { ClusterAccess } from '../config/cluster-access.ts';
import type { Finding } from '../config/finding.ts';
import { EXIT } from '../host.ts';
import type { Host } from '../host.ts';
import { pinoLogger } from '../logging.ts';
import { chooseTokens } from './choosing.ts';
import { refreshPullSecrets } from './helper.ts';
import { parseRegistrySettings } from './settings.ts';
import type { RegistrySettings, StatusPlace } from './settings.ts';
import type { RegistryStatus, StatusData } from './status.ts';
import { endedEarlyData, misconfiguredData, statusData } from './status.ts';

interface World {
  readonly host: Pick<Host, 'env' | 'on'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** For the whole of it: a Job that hangs keeps the next one from starting. Less than the deadline that the chart gives to the Job. */
const DEADLINE_MS = 180_000;
/** For the last words of a run that had to end: less than the kubelet waits. */
const LAST_WORDS_MS = 8_000;

/**
 * The command `registry-helper`: one token, written as pull secret.
 * @returns its exit code: 0 when every namespace has the secret, 1 when not, 78 for a configuration that is wrong; as a hook
 * of an install (REGISTRY_HELPER_HOOK) always 0, so that no release fails for it
 */
export async function runRegistryHelper(host: Pick<Host, 'env' | 'on'>): Promise<number> {
  const clock = systemClock({ keepAlive: true });
  const result = parseRegistrySettings(host.env, (path) => readFileSync(path, 'utf8'));
  const { place } = result;
  const logger = pinoLogger(result.ok ? result.settings.logLevel : 'info', destination({ fd: 1, sync: true }));
  const leaving = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) host.on(signal, () => leaving.abort());
  let why = 'the registry helper was told to end';
  const overdue = clock.setTimer(DEADLINE_MS, () => {
    if (!leaving.signal.aborted) why = `the registry helper was not done within ${DEADLINE_MS / 1_000} s`;
    leaving.abort();
  });
  const world: World = { host, clock, random: systemRandom(), logger, signal: leaving.signal };
  try {
    for (const warning of result.warnings) logger.warn(...line(warning));
    if (result.ok) return exitCode(await refresh(result.settings, world), place);
    for (const problem of result.problems) logger.error(...line(problem));
    logger.error('the registry helper cannot work with this configuration', { problems: result.problems.length });
    await tell(place, misconfiguredData(result.problems, clock.now()), world);
    return place.hook ? EXIT.left : EXIT.misconfigured;
  } catch (error) {
    if (isAbort(error)) {
      logger.error(`${why}, before the pull secret was written`);
      await lastWords(place, endedEarlyData(why, clock.now()), world);
    } else logger.error('a fault ends the registry helper', { error });
    if (isRunnerError(error, 'kube_config_invalid') && !place.hook) return EXIT.misconfigured;
    return place.hook ? EXIT.left : EXIT.fault;
  } finally {
    overdue.cancel();
  }
}

async function refresh(settings: RegistrySettings, world: World): Promise<RegistryStatus> {
  const api = await open(settings.cluster, world);
  const tokens = chooseTokens(settings, world.clock);
  try {
    const status = await refreshPullSecrets({ ...settings, ...world, tokens, api });
    const { outcome, code, message, hint } = status;
    if (outcome === 'written') world.logger.info(message);
    else world.logger.error(message, { outcome, code, hint });
    await inTime(world, (signal) =>
      write(api, settings.namespace, settings.statusConfigMap, statusData(status), { ...world, signal }),
    );
    return status;
  } finally {
    tokens.close();
    await api.close();
  }
}

function exitCode({ outcome }: RegistryStatus, { hook }: StatusPlace): number {
  return outcome === 'written' || hook ? EXIT.left : EXIT.fault;
}

/** Of a run that ended before it had anything to tell. What goes wrong with it changes nothing. */
async function lastWords(place: StatusPlace, data: StatusData, world: World): Promise<void> {
  await inTime(world, (signal) => tell(place, data, { ...world, signal })).catch((error: unknown) => {
    world.logger.warn('the status cannot be written', { error });
  });
}

/** With a signal of its own where the one of the run is aborted already. */
async function inTime({ clock, signal }: World, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  if (!signal.aborted) {
    await work(signal);
    return;
  }
  const late = new AbortController();
  const timer = clock.setTimer(LAST_WORDS_MS, () => late.abort());
  try {
    await work(late.signal);
  } finally {
    timer.cancel();
  }
}

/** Of a run that could not begin. */
async function tell(
  { cluster, namespace, statusConfigMap }: StatusPlace,
  data: StatusData,
  world: World,
): Promise<void> {
  if (cluster === undefined || namespace === undefined || statusConfigMap === undefined) return;
  const api = await open(cluster, world);
  try {
    await write(api, namespace, statusConfigMap, data, world);
  } finally {
    await api.close();
  }
}

async function open(cluster: ClusterAccess, { host, clock, random, logger }: World): Promise<KubeApi> {
  const identity = await identityOf(cluster, host.env, clock);
  return createKubeApi({ identity, clock, random, logger, userAgent: 'hybrid-ingestion-runner-registry-helper' });
}

/** A status that cannot be written makes nothing worse: it is said and no more. */
async function write(
  api: KubeApi,
  namespace: string,
  name: string | undefined,
  data: StatusData,
  { logger, signal }: World,
): Promise<void> {
  if (name === undefined) return;
  const about = { namespace, configMap: name };
  try {
    const written = await api.patch(CONFIG_MAPS, namespace, name, { data }, { signal });
    if (written !== undefined) return;
    logger.warn('there is no ConfigMap for the status', {
      ...about,
      hint: `kubectl -n ${namespace} create configmap ${name}`,
    });
  } catch (error) {
    logger.warn('the status cannot be written', { ...about, error });
  }
}

const line = ({ variable, message, read, fix }: Finding) =>
  [`${variable} ${message}`, { variable, read, fix }] as const;
