import type { Pod } from '../objects.ts';
import { mainStatus } from './main-container.ts';

/** When the program ended, in epoch milliseconds (whole seconds); NaN while it has not. */
export const finishedAt = (pod: Pod | undefined): number =>
  Date.parse(mainStatus(pod)?.state?.terminated?.finishedAt ?? '');

/** Kubernetes' own default. */
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Whether the program ended because its pod was deleted. The deletion timestamp has the grace in it; in the last state of
 * a pod the kubelet has set both anew (grace 0), so that only the signal tells a deletion from an end just before.
 */
export function endedByDeletion(pod: Pod | undefined): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod?.metadata ?? {};
  if (deletionTimestamp === undefined) return false;
  const last = deletionGracePeriodSeconds === 0;
  const grace = last ? (pod?.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) : deletionGracePeriodSeconds;
  if (finishedAt(pod) < Date.parse(deletionTimestamp) - grace * 1000) return false;
  const exitCode = mainStatus(pod)?.state?.terminated?.exitCode;
  return !last || exitCode === undefined || exitCode === SIGKILL || exitCode === SIGTERM;
}

const SIGKILL = 137;
const SIGTERM = 143;
