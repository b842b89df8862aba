/** Fields of a pod template, as a tree; `true` is a leaf or a map whose keys are the user's. */
export interface Fields {
  readonly [name: string]: true | Fields;
}

const env: Fields = {
  name: true,
  value: true,
  valueFrom: {
    secretKeyRef: { name: true, key: true, optional: true },
    configMapKeyRef: { name: true, key: true, optional: true },
    fieldRef: { fieldPath: true, apiVersion: true },
  },
};
const seccompProfile: Fields = { type: true, localhostProfile: true };
const selector: Fields = { matchLabels: true, matchExpressions: { key: true, operator: true, values: true } };
const nodeTerm: Fields = {
  matchExpressions: { key: true, operator: true, values: true },
  matchFields: { key: true, operator: true, values: true },
};
// `matchLabelKeys` and `mismatchLabelKeys` of these terms are newer.
const podTerm: Fields = { labelSelector: selector, namespaces: true, namespaceSelector: selector, topologyKey: true };
const podAffinity: Fields = {
  requiredDuringSchedulingIgnoredDuringExecution: podTerm,
  preferredDuringSchedulingIgnoredDuringExecution: { weight: true, podAffinityTerm: podTerm },
};

/**
 * What a pod template could say in Kubernetes 1.28 without alpha features, as far as ingestion pods may want it. Source:
 * the API reference of that version. Extend it only with fields that were stable or beta there.
 */
export const KUBERNETES_1_28: Fields = {
  metadata: { labels: true, annotations: true },
  spec: {
    activeDeadlineSeconds: true,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: nodeTerm },
        preferredDuringSchedulingIgnoredDuringExecution: { weight: true, preference: nodeTerm },
      },
      podAffinity,
      podAntiAffinity: podAffinity,
    },
    automountServiceAccountToken: true,
    containers: {
      name: true,
      image: true,
      imagePullPolicy: true,
      command: true,
      args: true,
      env,
      resources: { requests: true, limits: true },
      securityContext: {
        allowPrivilegeEscalation: true,
        readOnlyRootFilesystem: true,
        capabilities: { drop: true, add: true },
        runAsNonRoot: true,
        runAsUser: true,
        seccompProfile,
      },
      terminationMessagePolicy: true,
      volumeMounts: { name: true, mountPath: true, readOnly: true, subPath: true },
    },
    enableServiceLinks: true,
    imagePullSecrets: { name: true },
    nodeSelector: true,
    priorityClassName: true,
    restartPolicy: true,
    securityContext: { runAsNonRoot: true, runAsUser: true, runAsGroup: true, fsGroup: true, seccompProfile },
    serviceAccountName: true,
    terminationGracePeriodSeconds: true,
    tolerations: { key: true, operator: true, value: true, effect: true, tolerationSeconds: true },
    volumes: {
      name: true,
      configMap: { name: true, items: { key: true, path: true, mode: true }, optional: true, defaultMode: true },
      secret: { secretName: true, items: { key: true, path: true, mode: true }, optional: true, defaultMode: true },
    },
  },
};

/** Paths of fields of `value` that are not among the known ones. */
export function fieldsNotIn(known: Fields, value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsNotIn(known, item, path));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const entry = Object.hasOwn(known, name) ? known[name] : undefined;
    if (entry === undefined) return [at];
    return entry === true ? [] : fieldsNotIn(entry, child, at);
  });
}
