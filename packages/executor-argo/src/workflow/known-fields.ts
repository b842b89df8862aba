/** Fields of a container, as Kubernetes has them. */
export const CONTAINER_FIELDS: readonly string[] = [
  ...['name', 'image', 'imagePullPolicy', 'command', 'args', 'workingDir', 'env', 'envFrom', 'ports', 'resources'],
  ...[
    'volumeMounts',
    'volumeDevices',
    'securityContext',
    'lifecycle',
    'livenessProbe',
    'readinessProbe',
    'startupProbe',
  ],
  ...[
    'stdin',
    'stdinOnce',
    'tty',
    'terminationMessagePath',
    'terminationMessagePolicy',
    'resizePolicy',
    'restartPolicy',
  ],
];

/** Fields of a Workflow's spec. Source: `WorkflowSpec` of Argo 3.7. */
export const WORKFLOW_SPEC_FIELDS: readonly string[] = [
  ...['activeDeadlineSeconds', 'affinity', 'archiveLogs', 'arguments', 'artifactGC', 'artifactRepositoryRef'],
  ...['automountServiceAccountToken', 'dnsConfig', 'dnsPolicy', 'entrypoint', 'executor', 'hooks', 'hostAliases'],
  ...['hostNetwork', 'imagePullSecrets', 'metrics', 'nodeSelector', 'onExit', 'parallelism', 'podDisruptionBudget'],
  ...['podGC', 'podMetadata', 'podPriorityClassName', 'podSpecPatch', 'priority', 'retryStrategy'],
  ...['schedulerName', 'securityContext', 'serviceAccountName', 'shutdown', 'suspend', 'synchronization'],
  ...[
    'templateDefaults',
    'templates',
    'tolerations',
    'ttlStrategy',
    'volumeClaimGC',
    'volumeClaimTemplates',
    'volumes',
  ],
  ...['workflowMetadata', 'workflowTemplateRef'],
];
