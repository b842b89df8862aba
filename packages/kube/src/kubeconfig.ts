/** The door for identities that need the vendor's client: kubeconfig files with exec plugins, OIDC and the like. */
export type { KubeIdentity } from './identity/identity.ts';
