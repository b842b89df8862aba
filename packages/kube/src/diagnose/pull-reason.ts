import type { ContainerStatus, Pod } from '../objects.ts';

/** What a kubelet says while it waits before it pulls again. From 1.32 on the reason follows. */
const BACK_OFF = /^Back-off pulling image "[^"]*"(?:: (.*))?$/s;

/** True when a kubelet says that it backs off. `reason` is undefined where it does not say from what. */
export function backOffOf(message: string): { readonly reason: string | undefined } | undefined {
  const match = BACK_OFF.exec(message);
  return match === null ? undefined : { reason: match[1] };
}

/**
 * A pod as it is now, with the reason why its images could not be pulled where only its state before tells. Kubelets
 * before 1.32 give it with `ErrImagePull` and keep it back during the back-off that follows, again and again; it is told
 * then as later kubelets tell it, so that one trouble stays one diagnosis.
 */
export function keepPullReasons(now: Pod, before: Pod | undefined): Pod {
  const { status } = now;
  if (status === undefined || before === undefined || before.metadata?.uid !== now.metadata?.uid) return now;
  const { containerStatuses, initContainerStatuses } = status;
  if (![...(containerStatuses ?? []), ...(initContainerStatuses ?? [])].some((one) => isSilent(one))) return now;
  return {
    ...now,
    status: {
      ...status,
      ...(containerStatuses === undefined
        ? {}
        : { containerStatuses: told(containerStatuses, before.status?.containerStatuses) }),
      ...(initContainerStatuses === undefined
        ? {}
        : { initContainerStatuses: told(initContainerStatuses, before.status?.initContainerStatuses) }),
    },
  };
}

function told(
  now: readonly ContainerStatus[],
  before: readonly ContainerStatus[] | undefined,
): readonly ContainerStatus[] {
  return now.map((status) => {
    const last = before?.find(({ name, image }) => name === status.name && image === status.image)?.state?.waiting;
    const reason = isSilent(status) ? reasonOf(last?.reason, last?.message ?? '') : undefined;
    const { waiting } = status.state ?? {};
    if (reason === undefined || waiting === undefined) return status;
    return { ...status, state: { waiting: { ...waiting, message: `${waiting.message ?? ''}: ${reason}` } } };
  });
}

function isSilent({ state }: ContainerStatus): boolean {
  const backOff = backOffOf(state?.waiting?.message ?? '');
  return state?.waiting?.reason === 'ImagePullBackOff' && backOff !== undefined && backOff.reason === undefined;
}

function reasonOf(kind: string | undefined, message: string): string | undefined {
  if (kind === 'ImagePullBackOff') return backOffOf(message)?.reason;
  return kind === 'ErrImagePull' && message !== '' ? `${kind}: ${message}` : undefined;
}
