import { VARIABLES } from '../config/catalogue.ts';
import {
  absolutePath,
  choice,
  dnsLabel,
  dnsSubdomain,
  flag,
  format,
  right,
  text,
  url,
  wrong,
} from '../config/format.ts';
import type { Format } from '../config/format.ts';
import { tableOf } from '../config/table.ts';
import { defaulted, optional } from '../config/variable.ts';
import type { Variable } from '../config/variable.ts';

/** Every variable the registry helper reads, as data, like the agent's: the parser and the table in the README work from here. */

const GROUP = { group: 'registry helper' } as const;

const namespaces: Format<readonly string[]> = format('names, comma-separated', (raw) => {
  const names = raw.split(/[\s,]+/).filter((name) => name !== '');
  const bad = names.find((name) => 'wrong' in dnsLabel.parse(name));
  if (bad !== undefined) {
    return wrong(
      `names ${JSON.stringify(bad.slice(0, 80))}, which is no Kubernetes name`,
      'write for example runner,ingestion',
    );
  }
  return names.length === 0
    ? wrong('names no namespace', 'write for example runner,ingestion')
    : right([...new Set(names)]);
});

/** As old values write it too: with a scheme, or a slash at its end. */
const registryHost: Format<string> = format('host', (raw) => {
  const host = raw
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .toLowerCase();
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:\d{1,5})?$/.test(host)) return right(host);
  return wrong(
    host.includes('/') ? 'has a path, and a login is for a whole registry' : 'is not the host of a registry',
    'write the host alone, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  );
});

const region: Format<string> = format('AWS region', (raw) => {
  if (/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(raw)) return right(raw);
  const zone = /^(.*-\d{1,2})[a-z]$/.exec(raw)?.[1];
  return wrong(
    'is not an AWS region',
    zone === undefined ? 'write it like eu-west-1' : `it is a zone; its region is ${zone}`,
  );
});

const account: Format<string> = format('12 digits', (raw) =>
  /^\d{12}$/.test(raw)
    ? right(raw)
    : wrong('is not the number of an AWS account', 'write its 12 digits, in quotes where YAML is written'),
);

const common = {
  REGISTRY_TYPE: defaulted(choice(['ecr', 'acr', 'gar']), 'ecr', {
    ...GROUP,
    meaning: 'Whose registry it is: Amazon ECR, Azure Container Registry, Google Artifact Registry.',
  }),
  DOCKER_REGISTRY: optional(registryHost, {
    ...GROUP,
    meaning: 'Host of the registry, as images name it. Required for `acr` and `gar`.',
    defaultNote: 'ECR: AWS_ACCOUNT and AWS_REGION make it, else the answer of ECR',
  }),
  DOCKER_SECRET_NAME: defaulted(dnsSubdomain, 'omd-registry-credentials', {
    ...GROUP,
    meaning: 'Name of the pull secret.',
  }),
  NAMESPACE_NAME: optional(dnsLabel, { ...GROUP, meaning: 'Namespace of the release. Required.' }),
  PULL_SECRET_NAMESPACES: optional(namespaces, {
    ...GROUP,
    meaning: 'Every namespace that gets the pull secret.',
    defaultNote: 'NAMESPACE_NAME',
  }),
  PULL_SECRET_STATUS_CONFIGMAP: optional(dnsSubdomain, {
    ...GROUP,
    meaning: 'ConfigMap of NAMESPACE_NAME into which expiry and outcome are written. It has to exist.',
  }),
  REGISTRY_HELPER_HOOK: defaulted(flag, 'false', {
    ...GROUP,
    meaning:
      'This is the job of an install or an upgrade: it ends with 0 whatever happens, and says in the status what did.',
  }),
} as const;

const aws = {
  AWS_REGION: optional(region, {
    ...GROUP,
    meaning: 'Region of the registry. Required for `ecr` unless DOCKER_REGISTRY names it.',
  }),
  AWS_ACCOUNT: optional(account, { ...GROUP, meaning: 'Account of the registry.' }),
  AWS_ACCESS_KEY_ID: optional(text({ max: 256 }), {
    ...GROUP,
    meaning: 'Key to ask ECR with. Without it: IRSA, EKS Pod Identity, or whatever the SDK of AWS finds.',
    sensitive: true,
  }),
  AWS_SECRET_ACCESS_KEY: optional(text({ max: 1024 }), { ...GROUP, meaning: 'Its secret.', sensitive: true }),
  AWS_SESSION_TOKEN: optional(text({ max: 16_384 }), {
    ...GROUP,
    meaning: 'Only for temporary keys.',
    sensitive: true,
  }),
  AWS_ENDPOINT_URL_ECR: optional(url(['https', 'http']), {
    ...GROUP,
    meaning: 'Another endpoint of ECR, such as one of a VPC; AWS_ENDPOINT_URL does for all services.',
  }),
  AWS_ENDPOINT_URL: optional(url(['https', 'http']), {
    ...GROUP,
    meaning: 'Another endpoint for all services of AWS.',
  }),
} as const;

const azure = {
  AZURE_TENANT_ID: optional(text({ max: 128 }), {
    ...GROUP,
    meaning: 'Tenant of the registry; workload identity sets it.',
  }),
  AZURE_CLIENT_ID: optional(text({ max: 128 }), {
    ...GROUP,
    meaning: 'Application or identity; workload identity sets it.',
  }),
  AZURE_CLIENT_SECRET: optional(text({ max: 1024 }), {
    ...GROUP,
    meaning: 'Secret of an application.',
    sensitive: true,
  }),
  AZURE_FEDERATED_TOKEN_FILE: optional(absolutePath, { ...GROUP, meaning: 'Set by workload identity.' }),
  AZURE_AUTHORITY_HOST: optional(url(['https']), {
    ...GROUP,
    meaning: 'Authority of another cloud; workload identity sets it.',
  }),
} as const;

const google = {
  GOOGLE_CLOUD_PROJECT: optional(text({ max: 128 }), {
    ...GROUP,
    meaning: 'Not needed; taken as the project of the credentials.',
  }),
  GOOGLE_APPLICATION_CREDENTIALS: optional(absolutePath, {
    ...GROUP,
    meaning: 'File of Google credentials. Without it: GKE workload identity.',
  }),
} as const;

const { HTTPS_PROXY, HTTP_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS, KUBECONFIG, LOG_LEVEL } = VARIABLES;
/** The same as the agent's, with the same meaning. */
const shared = { HTTPS_PROXY, HTTP_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS, KUBECONFIG, LOG_LEVEL } as const;

/** Those that are the helper's alone. */
export const REGISTRY_OWN_VARIABLES = { ...common, ...aws, ...azure, ...google } as const satisfies Readonly<
  Record<string, Variable>
>;
export const REGISTRY_VARIABLES = { ...REGISTRY_OWN_VARIABLES, ...shared } as const;

/** The table of the helper's own variables as Markdown; a test keeps the README equal to it. */
export const registryVariableTable = (): string => tableOf(Object.entries<Variable>(REGISTRY_OWN_VARIABLES));
