import { isRunnerError } from '@runner/core';
import type { WorkloadOwner } from '@runner/executor';
import type { ConfigMap, KubeObject, KubeSecret, Meta, ResourceType } from '@runner/kube';
import { CONFIG_MAPS, JOBS, SECRETS } from '@runner/kube';
import { isAborted, ownerSelector, timeOf } from '@runner/kube/runs';
import { CONFIG_LABEL } from './annotations.ts';
import type { K8sParts } from './parts.ts';

/** A Job and its config object are made one after the other; what is younger may be half made. */
const SETTLED_MS = 600_000;

/**
 * Removes config objects of this owner whose Job, named by uid, is gone. The cluster's own garbage collection does the
 * same; this is for clusters where it is behind or was told to leave them. Touches nothing else. Returns how many went.
 */
export async function sweepConfigs(parts: K8sParts, owner: WorkloadOwner, signal: AbortSignal): Promise<number> {
  return (await sweepType(parts, SECRETS, owner, signal)) + (await sweepType(parts, CONFIG_MAPS, owner, signal));
}

async function sweepType(
  parts: K8sParts,
  type: ResourceType<KubeSecret> | ResourceType<ConfigMap>,
  owner: WorkloadOwner,
  signal: AbortSignal,
): Promise<number> {
  const { api, namespace, clock } = parts;
  if (!(await mayClean(parts, type, signal))) return 0;
  const { items } = await api.list<KubeObject, Meta>(type, namespace, {
    labelSelector: `${ownerSelector(owner)},${CONFIG_LABEL}`,
    keep: ({ metadata = {} }) => metadata,
    signal,
  });
  let removed = 0;
  for (const { name, uid, creationTimestamp, ownerReferences } of items) {
    const age = clock.now() - (timeOf(creationTimestamp) ?? clock.now());
    const job = ownerReferences?.find(({ kind }) => kind === 'Job');
    if (name === undefined || uid === undefined || job === undefined || age < SETTLED_MS) continue;
    // Asked for each, by name: only what the API says now proves that the owner is gone.
    const standing = await api.get(JOBS, namespace, job.name, { signal });
    if (standing?.metadata?.uid === job.uid) continue;
    await removeOne(parts, type, { name, uid }, signal);
    removed += 1;
  }
  return removed;
}

async function removeOne(
  { api, namespace }: K8sParts,
  type: ResourceType,
  { name, uid }: { readonly name: string; readonly uid: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await api.delete(type, namespace, name, { uid, propagation: 'Background', signal });
  } catch (error) {
    if (!isRunnerError(error, 'kube_conflict')) throw error;
  }
}

async function mayClean({ api, namespace }: K8sParts, type: ResourceType, signal: AbortSignal): Promise<boolean> {
  for (const verb of ['list', 'delete']) {
    if (!(await api.mayI({ verb, group: '', resource: type.plural, namespace }, { signal }))) return false;
  }
  return true;
}

/** At the beginning of a watch, then every hour. */
export async function sweepRegularly(parts: K8sParts, owner: WorkloadOwner, signal: AbortSignal): Promise<void> {
  const { clock, logger, timings } = parts;
  while (!signal.aborted) {
    try {
      const removed = await sweepConfigs(parts, owner, signal);
      if (removed > 0) logger.info('configs of Jobs that are gone were removed', { removed });
    } catch (error) {
      if (!isAborted(signal)) logger.warn('configs of Jobs that are gone could not be looked for', { error });
    }
    // Rejects for one reason only, which the loop asks about.
    await clock.sleep(timings.sweepMs, signal).catch(() => undefined);
  }
}
