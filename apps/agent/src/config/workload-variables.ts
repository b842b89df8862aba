import { absolutePath, choice, dnsLabel, dnsSubdomain, flag, integer, seconds, text, url } from './format.ts';
import {
  extraEnvs,
  imageReference,
  objectKey,
  podAnnotations,
  podLabels,
  pullSecrets,
  tagTemplate,
} from './ingestion-format.ts';
import { defaulted, optional } from './variable.ts';

/** The part of the catalogue that is about workloads in Kubernetes, whoever makes them, and about Argo. */

const TEN_YEARS = 315_360_000;
const K8S = ['simpleK8s', 'argo'] as const;
const JOBS = ['simpleK8s'] as const;
const ARGO = ['argo'] as const;

/** Only read for the executor in use, and then by the scheduling package, which looks at every part of it. */
const typeConfigs = text({ shape: 'JSON object by pipeline type', max: 1_000_000 });

const ingestion = {
  INGESTION_NAMESPACE: optional(dnsLabel, {
    group: 'ingestion workloads',
    meaning: 'Namespace of the workloads.',
    legacy: ['ARGO_NAMESPACE'],
    executors: K8S,
    defaultNote: "the agent's own namespace",
  }),
  INGESTION_SERVICE_ACCOUNT_NAME: defaulted(dnsSubdomain, 'ingestion', {
    group: 'ingestion workloads',
    meaning: 'Service account of the workloads.',
    legacy: ['ARGO_WORKFLOW_EXECUTOR_SERVICE_ACCOUNT_NAME'],
    executors: K8S,
  }),
  INGESTION_IMAGE: optional(imageReference, {
    group: 'ingestion workloads',
    meaning: 'Image of the workloads. Required for `simpleK8s` and `argo`.',
    legacy: ['ARGO_INGESTION_IMAGE'],
    executors: K8S,
  }),
  INGESTION_IMAGE_PULL_POLICY: defaulted(choice(['Always', 'IfNotPresent', 'Never']), 'IfNotPresent', {
    group: 'ingestion workloads',
    meaning: 'When a node pulls the image.',
    executors: K8S,
  }),
  INGESTION_IMAGE_PULL_SECRETS: defaulted(pullSecrets, ',', {
    group: 'ingestion workloads',
    meaning: 'Pull secrets of the workloads.',
    legacy: ['ARGO_IMAGE_PULL_SECRETS'],
    executors: K8S,
    defaultNote: 'none',
  }),
  DYNAMIC_INGESTION_VERSION_ENABLED: defaulted(flag, 'true', {
    group: 'ingestion workloads',
    meaning: "Whether the image's tag follows the OpenMetadata version that the control plane announces.",
    executors: K8S,
  }),
  DYNAMIC_INGESTION_VERSION_TEMPLATE: defaulted(tagTemplate, 'om-{version}-cl-{version}', {
    group: 'ingestion workloads',
    meaning: 'The tag that is made of this version. An image with a digest stays as it is.',
    executors: K8S,
  }),
  INGESTION_DISABLE_VERSION_VALIDATION: defaulted(flag, 'false', {
    group: 'ingestion workloads',
    meaning: 'Whether the ingestion library skips its comparison of versions with the server.',
    legacy: ['ARGO_DISABLE_VERSION_VALIDATION'],
  }),
  INGESTION_AUTOMOUNT_SA_TOKEN: optional(flag, {
    group: 'ingestion workloads',
    meaning: "Whether the service account's token is mounted into the workloads.",
    legacy: ['ARGO_AUTOMOUNT_SA_TOKEN'],
    executors: K8S,
    defaultNote: 'as the service account says',
  }),
  INGESTION_EXTRA_ENVS: defaulted(extraEnvs, '[]', {
    group: 'ingestion workloads',
    meaning: 'More environment variables for the workloads, `[NAME:value,NAME:value]`.',
    legacy: ['ARGO_EXTRA_ENVS', 'ARGO_EXTRA_ENVS_NOOP'],
    sensitive: true,
  }),
  INGESTION_CA_CONFIGMAP: optional(dnsSubdomain, {
    group: 'ingestion workloads',
    meaning:
      'ConfigMap in the namespace of the workloads with all certificate authorities that they are to trust, as PEM. It is mounted, and the usual variables name the file.',
    executors: K8S,
  }),
  INGESTION_CA_SECRET: optional(dnsSubdomain, {
    group: 'ingestion workloads',
    meaning: 'Secret with them, instead of a ConfigMap.',
    executors: K8S,
  }),
  INGESTION_CA_KEY: defaulted(objectKey, 'ca.crt', {
    group: 'ingestion workloads',
    meaning: 'Key in it.',
    executors: K8S,
  }),
  INGESTION_POD_LABELS: defaulted(podLabels, '{}', {
    group: 'ingestion workloads',
    meaning: 'More labels for the pods of the workloads.',
    executors: K8S,
    defaultNote: 'none',
  }),
  INGESTION_POD_ANNOTATIONS: defaulted(podAnnotations, '{}', {
    group: 'ingestion workloads',
    meaning: 'More annotations for the pods of the workloads.',
    executors: K8S,
    defaultNote: 'none',
  }),
  INGESTION_POD_GRACE_SECONDS: defaulted(integer({ min: 0, max: 3600 }), '10', {
    group: 'ingestion workloads',
    meaning:
      'Seconds between asking a pod to end and killing it. The first process of the ingestion image does not listen, so every cancel takes this long.',
    executors: K8S,
  }),
  INGESTION_OPENSHIFT_MODE: defaulted(flag, 'false', {
    group: 'ingestion workloads',
    meaning: 'Whether user, group and seccomp profile of the pods are left to OpenShift.',
    executors: K8S,
  }),
  INGESTION_TTL_SECONDS: defaulted(integer({ min: 0, max: TEN_YEARS }), '604800', {
    group: 'ingestion workloads',
    meaning: 'Seconds for which an ended Job stays. Under an hour, an outcome may be gone before it was reported.',
    executors: JOBS,
    instead: 'ARGO_SECONDS_AFTER_COMPLETION_TTL is its like for argo',
  }),
  CONFIG_DELIVERY: defaulted(choice(['auto', 'inline', 'configmap', 'secret']), 'auto', {
    group: 'ingestion workloads',
    meaning:
      'How a Job gets its config: `inline` in the Job itself, with one call; `secret` or `configmap` in an object of its own that goes with the Job; `auto` is `secret` where creating one is allowed, else `inline`.',
    executors: JOBS,
  }),
  SIMPLEK8S_PIPELINE_TYPE_CONFIGS: optional(typeConfigs, {
    group: 'ingestion workloads',
    meaning: 'Placement and resources for each pipeline type, when the executor is `simpleK8s`.',
    executors: JOBS,
  }),
  ARGO_PIPELINE_TYPE_CONFIGS: optional(typeConfigs, {
    group: 'ingestion workloads',
    meaning: 'The same when the executor is `argo`.',
    executors: ARGO,
  }),
} as const;

/** Read by the scheduling package, like the JSON that may change it for a type. */
const quantity = text({ shape: 'Kubernetes quantity', max: 1000 });

const resource = (meaning: string, name: string, value: string) =>
  defaulted(quantity, value, { group: 'ingestion workloads', meaning, legacy: [name], executors: K8S });

const resources = {
  INGESTION_CPU_LIMIT: resource('CPU limit of a workload.', 'ARGO_WORKFLOW_CPU_LIMIT', '1000m'),
  INGESTION_MEMORY_LIMIT: resource('Memory limit of a workload.', 'ARGO_WORKFLOW_MEMORY_LIMIT', '4096Mi'),
  INGESTION_CPU_REQUEST: resource('CPU request of a workload.', 'ARGO_WORKFLOW_CPU_REQUEST', '1000m'),
  INGESTION_MEMORY_REQUEST: resource('Memory request of a workload.', 'ARGO_WORKFLOW_MEMORY_REQUEST', '4096Mi'),
  INGESTION_AUTOMATION_WORKFLOW_CPU_LIMIT: resource(
    'CPU limit of an automation (test connection).',
    'ARGO_AUTOMATION_WORKFLOW_CPU_LIMIT',
    '500m',
  ),
  INGESTION_AUTOMATION_WORKFLOW_MEMORY_LIMIT: resource(
    'Memory limit of an automation.',
    'ARGO_AUTOMATION_WORKFLOW_MEMORY_LIMIT',
    '512Mi',
  ),
  INGESTION_AUTOMATION_WORKFLOW_CPU_REQUEST: resource(
    'CPU request of an automation.',
    'ARGO_AUTOMATION_WORKFLOW_CPU_REQUEST',
    '200m',
  ),
  INGESTION_AUTOMATION_WORKFLOW_MEMORY_REQUEST: resource(
    'Memory request of an automation.',
    'ARGO_AUTOMATION_WORKFLOW_MEMORY_REQUEST',
    '256Mi',
  ),
} as const;

const argo = {
  PIPELINE_SERVICE_CLIENT_ENDPOINT: optional(url(['http', 'https']), {
    group: 'argo',
    meaning: 'Argo Server. Without it, `argo` works through the Kubernetes API alone.',
    executors: ARGO,
  }),
  ARGO_TOKEN: optional(text({ shape: 'token', max: 65_536 }), {
    group: 'argo',
    meaning: 'Token for Argo Server; from a file it is read again whenever that has changed.',
    executors: ARGO,
    sensitive: true,
    fileVariant: true,
  }),
  ARGO_SERVER_CERTIFICATE_PATH: optional(absolutePath, {
    group: 'argo',
    meaning: 'PEM file with the certificate authority of Argo Server.',
    executors: ARGO,
  }),
  ARGO_SECONDS_AFTER_COMPLETION_TTL: defaulted(integer({ min: 0, max: TEN_YEARS }), '604800', {
    group: 'argo',
    meaning: 'Seconds for which an ended Workflow stays. Under an hour, an outcome may be gone before it was reported.',
    executors: ARGO,
  }),
  ARGO_TEST_CONNECTION_BACKOFF_TIME: defaulted(seconds({ min: 0, max: 3600 }), '5', {
    group: 'argo',
    meaning: 'Seconds between two tries of the connection at the start, until somebody answers.',
    executors: ARGO,
  }),
  ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: optional(absolutePath, {
    group: 'argo',
    meaning: 'YAML file that is merged into the container of every Workflow.',
    executors: ARGO,
    instead: 'with simpleK8s, placement and resources are set in SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
  }),
  ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH: optional(absolutePath, {
    group: 'argo',
    meaning: 'YAML file that is merged into the spec of every Workflow.',
    executors: ARGO,
    instead: 'with simpleK8s, placement and resources are set in SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
  }),
} as const;

export const WORKLOAD_VARIABLES = { ...ingestion, ...resources, ...argo } as const;
