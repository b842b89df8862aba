import type { Clock, Logger, Random } from '@runner/core';
import { createKubeApi, inClusterIdentity } from '@runner/kube';
import type { KubeApi, KubeIdentity, KubeObserver } from '@runner/kube';
import type { ClusterAccess, SimpleK8sSettings } from './config.ts';
import type { Environment } from './config/read.ts';

/** The cluster, and the namespace in which workloads are made. */
export interface Cluster {
  readonly api: KubeApi;
  readonly namespace: string;
}

interface Surroundings {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly apiObserver: KubeObserver;
}

/**
 * A client for the configured cluster. Nothing is asked of the API server yet: one that is down may come back.
 * @throws kube_config_invalid
 */
export async function openCluster(
  { cluster, namespace }: Pick<SimpleK8sSettings, 'cluster' | 'namespace'>,
  { environment, clock, random, logger, apiObserver: observer }: Surroundings,
): Promise<Cluster> {
  const identity = await identityOf(cluster, environment, clock);
  const place = { server: identity.place.server, namespace: namespace ?? identity.place.namespace ?? 'default' };
  logger.info('workloads are Jobs of this cluster', place);
  return { api: createKubeApi({ identity, clock, random, logger, observer }), namespace: place.namespace };
}

/** The vendor's client, which reads kubeconfigs, is large: it is loaded only for one. */
export async function identityOf(access: ClusterAccess, environment: Environment, clock: Clock): Promise<KubeIdentity> {
  if (access.kind === 'inCluster') return await inClusterIdentity({ environment, clock });
  const { kubeconfigIdentity } = await import('@runner/kube/kubeconfig');
  return await kubeconfigIdentity({ path: access.path, clock });
}
