import { isRunnerError } from '@runner/core';
import type { PreflightFinding } from '@runner/executor';
import type { ConfigDelivery, ResourceType } from '@runner/kube';
import { describePermission, reasonOf } from '@runner/kube/runs';
import { DEFAULTS } from './options.ts';
import type { K8sParts } from './parts.ts';
import type { JobPermission } from './permissions.ts';
import { PERMISSIONS } from './permissions.ts';

const SHORT_TTL_SECONDS = 3_600;
const OLDEST_MINOR = 28;
const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const SERVICE_ACCOUNTS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};

/** Looks at everything Jobs need and says what is missing, and what it was for. Creates nothing. */
export async function k8sPreflight(parts: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const ttl = ttlFindings(parts.options.ttlSeconds ?? DEFAULTS.ttlSeconds);
  try {
    const version = await versionFindings(parts, signal);
    const findings = await Promise.all([
      namespaceFindings(parts, signal),
      accountFindings(parts, signal),
      rightsFindings(parts, signal),
    ]);
    return [...version, ...findings.flat(), ...ttl];
  } catch (error) {
    if (signal.aborted) throw error;
    const hint = isRunnerError(error) ? error.hint : undefined;
    const finding: PreflightFinding = {
      level: 'error',
      code: 'api_server_unusable',
      message: `The API server at ${parts.api.place.server} cannot be asked: ${reasonOf(error)}`,
      hint: hint ?? 'Check its address, its certificate and the credentials of the agent.',
    };
    return [finding, ...ttl];
  }
}

async function versionFindings({ api }: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const version = await api.version({ signal });
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const isOld = major === '1' && Number(minor) < OLDEST_MINOR;
  const found: PreflightFinding = {
    level: 'ok',
    code: 'api_server_usable',
    message: `Kubernetes ${version} at ${api.place.server}.`,
  };
  if (!isOld) return [found];
  return [
    {
      level: 'warning',
      code: 'kubernetes_too_old',
      message: `Kubernetes ${version} is older than 1.${OLDEST_MINOR}, the oldest version that runs are made for.`,
      hint: 'Upgrade the cluster; what exactly fails on it is not known.',
    },
  ];
}

async function namespaceFindings(parts: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const { namespace } = parts;
  const right = { verb: 'get', group: '', resource: 'namespaces', name: namespace };
  if (!(await parts.api.mayI(right, { signal }))) return [];
  if ((await parts.api.get(NAMESPACES, '', namespace, { signal })) !== undefined) return [];
  return [
    {
      level: 'error',
      code: 'namespace_missing',
      message: `The namespace ${namespace} of the workloads does not exist.`,
      hint: 'Create it, or name another one in INGESTION_NAMESPACE.',
    },
  ];
}

async function accountFindings(parts: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const { namespace } = parts;
  const name = parts.options.pods.serviceAccountName;
  const right = { verb: 'get', group: '', resource: 'serviceaccounts', namespace, name };
  if (!(await parts.api.mayI(right, { signal }))) return [];
  if ((await parts.api.get(SERVICE_ACCOUNTS, namespace, name, { signal })) !== undefined) return [];
  return [
    {
      level: 'error',
      code: 'service_account_missing',
      message: `The service account ${name} of the workloads does not exist in namespace ${namespace}.`,
      hint: 'Create it, or name another one in INGESTION_SERVICE_ACCOUNT_NAME. Until then no pod of a run can be made.',
    },
  ];
}

async function rightsFindings(parts: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const { api, namespace, options } = parts;
  const mode = options.delivery ?? 'auto';
  const findings = await Promise.all(
    PERMISSIONS.filter(({ need }) => need === 'required' || need === 'optional' || need === mode).map(
      async (permission): Promise<readonly PreflightFinding[]> => {
        const { verb, group, resource, subresource } = permission;
        const right = { verb, group, resource, namespace, ...(subresource === undefined ? {} : { subresource }) };
        return (await api.mayI(right, { signal })) ? [] : [missing(permission, namespace)];
      },
    ),
  );
  return [...findings.flat(), deliveryFinding(await parts.delivery.kind(signal), mode)];
}

function missing(permission: JobPermission, namespace: string): PreflightFinding {
  const right = describePermission(permission);
  return {
    level: permission.need === 'optional' ? 'warning' : 'error',
    code: 'permission_missing',
    message: `The agent may not ${right} in namespace ${namespace}: without it ${permission.without}.`,
    hint: `Add the verb ${permission.verb} to the agent's Role in namespace ${namespace}.`,
  };
}

const DELIVERIES: Readonly<Record<ConfigDelivery['kind'], string>> = {
  inline: 'in the Job itself',
  secret: 'in a Secret of each run',
  configMap: 'in a ConfigMap of each run',
};

function deliveryFinding(kind: ConfigDelivery['kind'], mode: string): PreflightFinding {
  const why = mode === 'auto' && kind === 'inline' ? ', because the agent may not create and get Secrets' : '';
  return { level: 'ok', code: 'config_delivery', message: `Configs of runs travel ${DELIVERIES[kind]}${why}.` };
}

function ttlFindings(ttlSeconds: number): readonly PreflightFinding[] {
  if (ttlSeconds >= SHORT_TTL_SECONDS) return [];
  return [
    {
      level: 'warning',
      code: 'short_time_to_live',
      message: 'Jobs that have ended are kept for less than an hour.',
      hint: 'When agent or control plane are away for longer, the outcome of runs that ended meanwhile is lost.',
    },
  ];
}
