import type { PodSpec } from '@runner/kube';
import { CONTAINER_SECURITY } from '@runner/kube';

/** A pod's spec, divided among the places where Argo looks for its parts. */
export interface PodFields {
  /** Fields of a Workflow's spec; they hold for all of its pods. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What Argo has no field for; a strategic merge patch of every pod. */
  readonly patch: Readonly<Record<string, unknown>>;
}

/** Fields of a pod's spec that a Workflow's spec has too, by their names there. */
const WORKFLOW_FIELDS: Readonly<Record<string, string>> = {
  serviceAccountName: 'serviceAccountName',
  imagePullSecrets: 'imagePullSecrets',
  securityContext: 'securityContext',
  nodeSelector: 'nodeSelector',
  affinity: 'affinity',
  tolerations: 'tolerations',
  priorityClassName: 'podPriorityClassName',
  // Argo takes a container's mount only of a volume that it knows.
  volumes: 'volumes',
};
/** Argo sets these itself, from a template or always. */
const ARGOS_OWN: ReadonlySet<string> = new Set(['containers', 'restartPolicy', 'activeDeadlineSeconds']);

/** Containers that Argo adds to every pod: before `main`, and beside it. */
const INIT = 'init';
const WAIT = 'wait';

export function podFields(pod: PodSpec): PodFields {
  const entries = Object.entries(pod).filter(([field]) => !ARGOS_OWN.has(field));
  const known = entries.flatMap(([field, value]) => {
    const name = WORKFLOW_FIELDS[field];
    return name === undefined ? [] : [[name, value] as const];
  });
  const unknown = entries.filter(([field]) => WORKFLOW_FIELDS[field] === undefined);
  return {
    fields: Object.fromEntries(known),
    patch: { ...Object.fromEntries(unknown), ...executorPatch(pod.automountServiceAccountToken !== true) },
  };
}

/**
 * Argo's own containers as the Pod Security standard `restricted` wants them, whatever its controller is set to. They
 * speak to the API server. Where the pod mounts no token they get one of their own, which `main` does not see: Argo's way
 * (`executor.serviceAccountName`) needs a Secret with a token that never expires.
 */
function executorPatch(needsToken: boolean): Readonly<Record<string, unknown>> {
  const container = (name: string): object => ({
    name,
    securityContext: CONTAINER_SECURITY,
    ...(needsToken ? { volumeMounts: [TOKEN_MOUNT] } : {}),
  });
  return {
    initContainers: [container(INIT)],
    containers: [container(WAIT)],
    ...(needsToken ? { volumes: [TOKEN_VOLUME] } : {}),
  };
}

const TOKEN_NAME = 'argo-executor-token';
const TOKEN_MOUNT = { name: TOKEN_NAME, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };
/** As the API server itself mounts the token of a service account. */
const TOKEN_VOLUME = {
  name: TOKEN_NAME,
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
};
