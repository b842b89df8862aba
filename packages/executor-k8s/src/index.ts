export { createK8sExecutor } from './executor.ts';
export type { K8sExecutor } from './executor.ts';
export type { ConfigDeliveryMode, K8sExecutorObserver, K8sExecutorOptions, K8sTimings } from './options.ts';
export { CLUSTER_PERMISSIONS, PERMISSIONS } from './permissions.ts';
export type { JobPermission } from './permissions.ts';
