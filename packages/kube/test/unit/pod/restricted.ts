import type { PodTemplate } from '../../../src/index.ts';

/**
 * What the Pod Security standard `restricted` (and `baseline` below it) finds wrong, written after its table in the
 * Kubernetes documentation, for the fields a template of ours can have.
 */
export function restrictedViolations({ spec }: PodTemplate): readonly string[] {
  if (spec === undefined) return ['no spec'];
  const pod = spec.securityContext ?? {};
  const found: string[] = [];
  if (spec.hostNetwork === true || spec.hostPID === true || spec.hostIPC === true) found.push('host namespaces');
  if ((spec.volumes ?? []).some((volume) => volume.hostPath !== undefined)) found.push('hostPath');
  if (pod.runAsUser === 0) found.push('runAsUser 0');
  for (const { name, securityContext = {} } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const seccomp = (securityContext.seccompProfile ?? pod.seccompProfile)?.type;
    if (securityContext.privileged === true) found.push(`${name}: privileged`);
    if (securityContext.allowPrivilegeEscalation !== false) found.push(`${name}: allowPrivilegeEscalation`);
    if (securityContext.capabilities?.drop?.includes('ALL') !== true) found.push(`${name}: capabilities`);
    if ((securityContext.capabilities?.add ?? []).some((one) => one !== 'NET_BIND_SERVICE')) found.push(`${name}: add`);
    if ((securityContext.runAsNonRoot ?? pod.runAsNonRoot) !== true) found.push(`${name}: runAsNonRoot`);
    if (securityContext.runAsUser === 0) found.push(`${name}: runAsUser 0`);
    if (seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost') found.push(`${name}: seccompProfile`);
  }
  return found;
}
