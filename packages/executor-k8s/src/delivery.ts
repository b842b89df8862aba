import type { Clock, Logger } from '@runner/core';
import type { RunSpec } from '@runner/executor';
import { executorError } from '@runner/executor';
import type { ConfigDelivery, ConfigMap, Job, KubeApi, KubeSecret } from '@runner/kube';
import { CONFIG_MAPS, SECRETS } from '@runner/kube';
import { configObjectOf } from './annotations.ts';
import { configMap, configSecret } from './config-object.ts';
import type { ConfigDeliveryMode } from './options.ts';

/** How long a refusal to keep Secrets is believed: the right may be granted later, an authorizer may fail for a moment. */
const REFUSED_MS = 300_000;

/** How the configs of new runs are delivered. */
export interface DeliveryChoice {
  /**
   * Asks the API, and only for `auto`: once where Secrets may be kept, else every few minutes. A failure is not
   * remembered.
   */
  kind(signal: AbortSignal): Promise<ConfigDelivery['kind']>;
}

export function deliveryChoice(
  api: Pick<KubeApi, 'mayI'>,
  namespace: string,
  mode: ConfigDeliveryMode,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): DeliveryChoice {
  let chosen: ConfigDelivery['kind'] | undefined =
    mode === 'auto' ? undefined : mode === 'configmap' ? 'configMap' : mode;
  let validUntil = Infinity;
  return {
    kind: async (signal) => {
      if (chosen !== undefined && clock.monotonic() < validUntil) return chosen;
      const kind = (await mayKeepSecrets(api, namespace, signal)) ? 'secret' : 'inline';
      if (kind !== chosen) logger.info('the way of delivering configs was chosen', { delivery: kind });
      chosen = kind;
      validUntil = kind === 'secret' ? Infinity : clock.monotonic() + REFUSED_MS;
      return kind;
    },
  };
}

/** Creating is the right that matters; getting is what a second create needs to see that the first one was applied. */
async function mayKeepSecrets(api: Pick<KubeApi, 'mayI'>, namespace: string, signal: AbortSignal): Promise<boolean> {
  const may = (verb: string): Promise<boolean> =>
    api.mayI({ verb, group: '', resource: 'secrets', namespace }, { signal });
  return (await may('create')) && (await may('get'));
}

interface ConfigOf {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly spec: RunSpec;
  readonly job: Job;
  readonly text: string;
}

/**
 * Makes sure that the config object exists which this Job refers to; a Job with the config inside needs none. The Job
 * comes first, because the object names its uid as owner; until the object exists the pod waits. So a crash in between
 * leaves nothing behind that nobody owns, and adopting the Job completes it.
 */
export async function completeConfig(input: ConfigOf, signal: AbortSignal): Promise<void> {
  const { api, namespace, spec, job, text } = input;
  const wanted = configObjectOf(job);
  if (wanted === undefined) return;
  const create = async (): Promise<{ readonly object: KubeSecret | ConfigMap; readonly created: boolean }> =>
    wanted.kind === 'secret'
      ? await api.create(SECRETS, namespace, configSecret(spec, job, text), { signal })
      : await api.create(CONFIG_MAPS, namespace, configMap(spec, job, text), { signal });
  const { object, created } = await create();
  if (created || isOwnedBy(object, job)) return;
  // That of a former Job of this run, deleted by hand, which the cluster is about to collect.
  const uid = object.metadata?.uid;
  await api.delete(wanted.kind === 'secret' ? SECRETS : CONFIG_MAPS, namespace, wanted.name, {
    signal,
    propagation: 'Background',
    ...(uid === undefined ? {} : { uid }),
  });
  const second = await create();
  if (second.created || isOwnedBy(second.object, job)) return;
  throw executorError('executor_unavailable', `The object ${wanted.name} of the run's config is of another Job.`, {
    hint: 'Delete it, or wait until the cluster has collected it.',
  });
}

function isOwnedBy(object: KubeSecret | ConfigMap, job: Job): boolean {
  return object.metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid) === true;
}
