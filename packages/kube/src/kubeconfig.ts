/** The door for kubeconfig files, with exec plugins, OIDC and the like. */
export type { KubeIdentity } from './identity/identity.ts';
export { kubeconfigIdentity } from './identity/kubeconfig-identity.ts';
export type { KubeconfigOptions } from './identity/kubeconfig-identity.ts';
