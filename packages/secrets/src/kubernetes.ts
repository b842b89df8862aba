/** Secrets that are Kubernetes Secrets. Loading this door loads no SDK; `@kubernetes/client-node` is for kubeconfigs only. */
export { createKubernetesProvider } from './kubernetes/provider.ts';
export type { KubernetesProviderOptions } from './kubernetes/provider.ts';
