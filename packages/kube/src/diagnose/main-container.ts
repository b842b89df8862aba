import { MAIN_CONTAINER } from '@runner/executor';
import type { Container, ContainerStatus, Pod } from '../objects.ts';

/** The container of the program, as asked for. */
export const mainContainer = (pod: Pod | undefined): Container | undefined =>
  pod?.spec?.containers.find((container) => container.name === MAIN_CONTAINER);

/** The container of the program, as it is. */
export const mainStatus = (pod: Pod | undefined): ContainerStatus | undefined =>
  pod?.status?.containerStatuses?.find((status) => status.name === MAIN_CONTAINER);

/** Every container that may hold a pod up: init containers first (a mesh or a secrets injector adds them), then all. */
export const allStatuses = (pod: Pod): readonly ContainerStatus[] => [
  ...(pod.status?.initContainerStatuses ?? []),
  ...(pod.status?.containerStatuses ?? []),
];
