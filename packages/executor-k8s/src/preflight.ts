import { isRunnerError } from '@runner/core';
import type { PreflightFinding } from '@runner/executor';
import type { ConfigDelivery } from '@runner/kube';
import { missingPermission, reasonOf, shortTtlFindings, standingFindings } from '@runner/kube/runs';
import { DEFAULTS } from './options.ts';
import type { K8sParts } from './parts.ts';
import { PERMISSIONS } from './permissions.ts';

const OLDEST_MINOR = 28;
/** Looks at everything Jobs need and says what is missing, and what it was for. Creates nothing. */
export async function k8sPreflight(parts: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const ttl = shortTtlFindings(parts.options.ttlSeconds ?? DEFAULTS.ttlSeconds, 'Jobs');
  const { api, namespace } = parts;
  try {
    const version = await versionFindings(parts, signal);
    const findings = await Promise.all([
      standingFindings({ api, namespace, account: parts.options.pods.serviceAccountName }, signal),
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

async function rightsFindings(parts: K8sParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const { api, namespace, options } = parts;
  const mode = options.delivery ?? 'auto';
  const findings = await Promise.all(
    PERMISSIONS.filter(({ need }) => need === 'required' || need === 'optional' || need === mode).map(
      async (permission): Promise<readonly PreflightFinding[]> => {
        const { verb, group, resource, subresource } = permission;
        const right = { verb, group, resource, namespace, ...(subresource === undefined ? {} : { subresource }) };
        return (await api.mayI(right, { signal })) ? [] : [missingPermission(permission, namespace)];
      },
    ),
  );
  return [...findings.flat(), deliveryFinding(await parts.delivery.kind(signal), mode)];
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
