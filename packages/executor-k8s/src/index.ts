export type { ConfigDeliveryMode, K8sExecutorObserver, K8sExecutorOptions } from './options.ts';
