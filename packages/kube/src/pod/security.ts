import type { Container, PodSpec } from '../objects.ts';

/** User and group of the ingestion image (`openmetadata`), source: its Dockerfile. */
const IMAGE_USER = 1000;

type PodSecurity = NonNullable<PodSpec['securityContext']>;
type ContainerSecurity = NonNullable<Container['securityContext']>;

/**
 * Passes the Pod Security standard `restricted`. On OpenShift user and groups are left out: its own constraint assigns
 * them from the range of the namespace and refuses others.
 */
export function podSecurity(openShift: boolean): PodSecurity {
  return {
    runAsNonRoot: true,
    ...(openShift ? {} : { runAsUser: IMAGE_USER, runAsGroup: IMAGE_USER, fsGroup: IMAGE_USER }),
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** The image writes beside its code and into the home of its user, so its root file system stays writable. */
export const CONTAINER_SECURITY: ContainerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: false,
  capabilities: { drop: ['ALL'] },
};
