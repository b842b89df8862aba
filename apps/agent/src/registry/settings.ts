import { Secret } from '@runner/core';
import type { LogLevel } from '@runner/core';
import { clusterAccess } from '../config/cluster-access.ts';
import type { ClusterAccess } from '../config/cluster-access.ts';
import { fileText, missing } from '../config/files.ts';
import type { Finding, Findings } from '../config/finding.ts';
import { readVariables } from '../config/read.ts';
import type { Environment, ReadFile } from '../config/read.ts';
import type { ProxyConfig } from '../config/server.ts';
import type { Values } from '../config/variable.ts';
import type { AzureIdentity } from './acr.ts';
import type { AwsKeys } from './ecr.ts';
import { REGISTRY_VARIABLES } from './variables.ts';

export type RegistrySource =
  | {
      readonly type: 'ecr';
      readonly region: string;
      readonly registry: string | undefined;
      readonly keys: AwsKeys | undefined;
      readonly endpoint: string | undefined;
    }
  | { readonly type: 'acr'; readonly registry: string; readonly azure: AzureIdentity }
  | { readonly type: 'gar'; readonly registry: string; readonly project: string | undefined };

/** Everything the helper is told from outside, checked. */
export interface RegistrySettings {
  readonly source: RegistrySource;
  /** As whom the token is asked for. Never a secret. */
  readonly identity: string;
  readonly secretName: string;
  readonly namespace: string;
  /** In which the pull secret is written. */
  readonly namespaces: readonly string[];
  readonly statusConfigMap: string | undefined;
  readonly proxies: ProxyConfig;
  /** PEM texts. */
  readonly certificateAuthorities: readonly string[];
  readonly cluster: ClusterAccess;
  readonly logLevel: LogLevel;
}

/** What is known even of a configuration that is wrong, so that it can still be told where people look. */
export interface StatusPlace {
  readonly hook: boolean;
  readonly namespace: string | undefined;
  readonly statusConfigMap: string | undefined;
  readonly cluster: ClusterAccess | undefined;
}

export type SettingsResult = { readonly place: StatusPlace; readonly warnings: readonly Finding[] } & (
  | { readonly ok: true; readonly settings: RegistrySettings }
  | { readonly ok: false; readonly problems: readonly Finding[] }
);

type All = Values<typeof REGISTRY_VARIABLES>;

/** Reads the environment, all problems at once. Pure: files come through `readFile`, which throws for one it cannot read. */
export function parseRegistrySettings(env: Environment, readFile: ReadFile): SettingsResult {
  const out: Findings = { problems: [], warnings: [] };
  const { values } = readVariables(REGISTRY_VARIABLES, env, readFile, out);
  const namespace = values.NAMESPACE_NAME;
  if (namespace === undefined) missing(out, 'NAMESPACE_NAME', 'set it to the namespace of the release');
  const source = sourceOf(values, out);
  unsafeLogging(env, out);
  const certificateAuthorities = authorities(values, readFile, out);
  const cluster = clusterAccess(values.KUBECONFIG, env, readFile, out);
  const reachable = !out.problems.some(({ variable }) => variable === 'KUBECONFIG');
  const place: StatusPlace = {
    hook: values.REGISTRY_HELPER_HOOK,
    namespace,
    statusConfigMap: values.PULL_SECRET_STATUS_CONFIGMAP,
    cluster: reachable ? cluster : undefined,
  };
  const { problems, warnings } = out;
  if (problems.length > 0 || namespace === undefined) return { ok: false, place, problems, warnings };
  const settings: RegistrySettings = {
    source,
    identity: identityOf(source, env),
    secretName: values.DOCKER_SECRET_NAME,
    namespace,
    namespaces: values.PULL_SECRET_NAMESPACES ?? [namespace],
    statusConfigMap: values.PULL_SECRET_STATUS_CONFIGMAP,
    proxies: { secure: values.HTTPS_PROXY, plain: values.HTTP_PROXY, except: values.NO_PROXY ?? [] },
    certificateAuthorities,
    cluster,
    logLevel: values.LOG_LEVEL,
  };
  return { ok: true, place, settings, warnings };
}

function sourceOf(values: All, out: Findings): RegistrySource {
  const type = values.REGISTRY_TYPE;
  if (type === 'ecr') return ecrSource(values, out);
  const registry = values.DOCKER_REGISTRY;
  if (registry === undefined) {
    const example = type === 'acr' ? 'example.azurecr.io' : 'europe-west1-docker.pkg.dev';
    missing(out, 'DOCKER_REGISTRY', `set it to the host of the registry, such as ${example}`);
  }
  if (type === 'gar') return { type, registry: registry ?? '', project: values.GOOGLE_CLOUD_PROJECT };
  const { AZURE_CLIENT_SECRET: secret } = values;
  if (secret !== undefined) {
    for (const name of ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID'] as const) {
      if (values[name] === undefined) missing(out, name, 'set it beside AZURE_CLIENT_SECRET');
    }
  }
  return {
    type,
    registry: registry ?? '',
    azure: {
      tenant: values.AZURE_TENANT_ID,
      client: values.AZURE_CLIENT_ID,
      secret: secret === undefined ? undefined : new Secret(secret),
      tokenFile: values.AZURE_FEDERATED_TOKEN_FILE,
      authority: values.AZURE_AUTHORITY_HOST?.href.replace(/\/+$/, ''),
    },
  };
}

/** Account and region stand in the name of a registry of ECR. */
const ECR_HOST = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.(?:com(?:\.cn)?|eu)$/;
/** Regions whose registries have names of their own: the answer of ECR tells them. */
const APART = /^(us-iso|eu-iso|eusc)/;

function ecrSource(values: All, out: Findings): RegistrySource {
  const { AWS_ACCOUNT: account, DOCKER_REGISTRY: named } = values;
  const [, , namedRegion] = ECR_HOST.exec(named ?? '') ?? [];
  const region = values.AWS_REGION ?? namedRegion;
  if (region === undefined) missing(out, 'AWS_REGION', 'set it to the region of the registry, such as eu-west-1');
  if (namedRegion !== undefined && region !== namedRegion) {
    out.warnings.push({
      variable: 'AWS_REGION',
      read: region,
      message: `is another region than that of DOCKER_REGISTRY (${namedRegion})`,
      fix: 'set it to the region of the registry, or leave it empty',
    });
  }
  const made =
    account === undefined || region === undefined || APART.test(region)
      ? undefined
      : `${account}.dkr.ecr.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  return {
    type: 'ecr',
    region: region ?? '',
    registry: named ?? made,
    keys: keysOf(values, out),
    endpoint: (values.AWS_ENDPOINT_URL_ECR ?? values.AWS_ENDPOINT_URL)?.href.replace(/\/+$/, ''),
  };
}

function keysOf(values: All, out: Findings): AwsKeys | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: session } = values;
  const fix = 'set both, or neither where the service account has a role (IRSA, EKS Pod Identity)';
  if (accessKeyId === undefined && secret === undefined) return undefined;
  if (accessKeyId === undefined) missing(out, 'AWS_ACCESS_KEY_ID', fix);
  if (secret === undefined) missing(out, 'AWS_SECRET_ACCESS_KEY', fix);
  return {
    accessKeyId: accessKeyId ?? '',
    secretAccessKey: new Secret(secret ?? ''),
    sessionToken: session === undefined ? undefined : new Secret(session),
  };
}

/** With it, what Google's library is told stands in its log, the token too. */
function unsafeLogging(env: Environment, out: Findings): void {
  const variable = 'GOOGLE_SDK_NODE_LOGGING';
  if ((env[variable] ?? '') === '') return;
  out.problems.push({
    variable,
    read: undefined,
    message: "makes Google's SDK write tokens to the log",
    fix: 'unset it',
  });
}

function authorities({ NODE_EXTRA_CA_CERTS: path }: All, readFile: ReadFile, out: Findings): readonly string[] {
  const variable = 'NODE_EXTRA_CA_CERTS';
  const pem = path === undefined ? undefined : fileText(variable, path, readFile, out);
  if (pem === undefined) return [];
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return [pem];
  out.problems.push({
    variable,
    read: path,
    message: 'names a file without a certificate in PEM form',
    fix: 'convert a DER file with openssl x509 -inform der',
  });
  return [];
}

/** As whom, as far as the environment tells. */
function identityOf(source: RegistrySource, env: Environment): string {
  switch (source.type) {
    case 'ecr': {
      const key = source.keys?.accessKeyId;
      if (key !== undefined) return `the access key ${key.slice(0, 4)}…${key.length > 12 ? key.slice(-4) : ''}`;
      if (env['AWS_WEB_IDENTITY_TOKEN_FILE']) return `the role ${env['AWS_ROLE_ARN'] ?? 'unset'} (IRSA)`;
      if (env['AWS_CONTAINER_CREDENTIALS_FULL_URI']) return 'the role of EKS Pod Identity';
      return 'what the SDK of AWS finds (profile, role of the node)';
    }
    case 'acr': {
      const { client = '', secret, tokenFile } = source.azure;
      if (secret !== undefined) return `the application ${client}`;
      if (tokenFile !== undefined) return `the workload identity ${client}`;
      return client === '' ? 'what the SDK of Azure finds (managed identity)' : `the managed identity ${client}`;
    }
    case 'gar':
      return 'Application Default Credentials';
  }
}
