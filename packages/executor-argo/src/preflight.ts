import { isRunnerError } from '@runner/core';
import type { PreflightFinding } from '@runner/executor';
import { AGENT_LABEL } from '@runner/executor';
import type { KubeApi } from '@runner/kube';
import type { Permission } from '@runner/kube/runs';
import { describePermission, missingPermission, reasonOf, shortTtlFindings, standingFindings } from '@runner/kube/runs';
import { DEFAULTS } from './options.ts';
import type { ArgoParts } from './parts.ts';
import { CRD_PERMISSIONS, SERVER_PERMISSIONS, WORKLOAD_PERMISSIONS } from './permissions.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/** Looks at everything Workflows need and says what is missing, and what it was for. Creates nothing. */
export async function argoPreflight(parts: ArgoParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const ttl = shortTtlFindings(parts.options.ttlSeconds ?? DEFAULTS.ttlSeconds, 'Workflows');
  try {
    const usable = await placeFindings(parts, signal);
    if (usable.some(({ level }) => level === 'error')) return [...usable, ...ttl];
    const { kube } = parts;
    const more = kube === undefined ? [UNCHECKED] : await besideArgo(parts, kube, signal);
    return [...usable, ...more, ...ttl];
  } catch (error) {
    if (signal.aborted) throw error;
    return [unusable(parts, error), ...ttl];
  }
}

/** Beside an Argo Server the API server is a help: one that takes no token of Argo's, or is away, is no reason to stop. */
async function besideArgo(parts: ArgoParts, kube: KubeApi, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  try {
    return await kubeFindings(parts, kube, signal);
  } catch (error) {
    if (signal.aborted || parts.argo.transport === 'crd') throw error;
    const finding: PreflightFinding = {
      level: 'warning',
      code: 'pods_unseen',
      message: `The API server at ${kube.place.server} cannot be asked with the token of Argo Server: ${reasonOf(error)} What Argo tells of runs must do.`,
      hint: 'Exit codes, waits and logs are told more exactly where that token may look at pods.',
    };
    return [UNCHECKED, finding];
  }
}

/** What can be tried without any review: to ask for the version, and for Workflows that nobody has. */
async function placeFindings(parts: ArgoParts, signal: AbortSignal): Promise<readonly PreflightFinding[]> {
  const { argo, namespace } = parts;
  const version = await argo.version({ signal });
  const labelSelector = `${AGENT_LABEL}=none-of-any-runner`;
  try {
    await argo.workflows.list(WORKFLOWS, namespace, { labelSelector, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    if (isRunnerError(error, 'kube_forbidden')) {
      return [missingPermission(rightTo('list'), namespace, reasonOf(error))];
    }
    if (isRunnerError(error, 'kube_not_found')) return [MISSING_KIND];
    throw error;
  }
  const told = version === undefined ? 'Argo Workflows' : `Argo Workflows ${version}`;
  return [
    { level: 'ok', code: 'argo_usable', message: `${told} in namespace ${namespace} of ${argo.place.description}.` },
  ];
}

const rightTo = (verb: string): Permission =>
  CRD_PERMISSIONS.find((one) => one.resource === WORKFLOWS.plural && one.verb === verb) ?? {
    ...{ group: 'argoproj.io', resource: WORKFLOWS.plural, verb, need: 'required', without: 'nothing works' },
  };

async function kubeFindings(
  parts: ArgoParts,
  kube: KubeApi,
  signal: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  const { namespace, options, argo } = parts;
  const rights = argo.transport === 'crd' ? CRD_PERMISSIONS : SERVER_PERMISSIONS;
  const account = options.pods.serviceAccountName;
  const found = await Promise.all([
    standingFindings({ api: kube, namespace, account }, signal),
    ...rights.map(async (permission) => {
      const { verb, group, resource, subresource } = permission;
      const right = { verb, group, resource, namespace, ...(subresource === undefined ? {} : { subresource }) };
      return (await kube.mayI(right, { signal })) ? [] : [missingPermission(permission, namespace)];
    }),
  ]);
  return [...found.flat(), workloadRights(account, namespace)];
}

/** Of another account only reviews for others would tell, which need a right that runners are not given. */
function workloadRights(account: string, namespace: string): PreflightFinding {
  const rights = WORKLOAD_PERMISSIONS.map((permission) => describePermission(permission)).join(' and ');
  return {
    level: 'ok',
    code: 'results_right_unchecked',
    message: `Not checked: that the service account ${account} of the workloads may ${rights} in namespace ${namespace}. Without it ${WORKLOAD_PERMISSIONS[0]?.without ?? ''}.`,
  };
}

const UNCHECKED: PreflightFinding = {
  level: 'ok',
  code: 'rights_unchecked',
  message: 'Argo Server tells no rights; that Workflows may be listed was tried, the others show when they are used.',
};

const MISSING_KIND: PreflightFinding = {
  level: 'error',
  code: 'workflows_missing',
  message: 'The cluster does not have the kind Workflow of argoproj.io/v1alpha1, or the namespace does not exist.',
  hint: 'Install Argo Workflows with its custom resource definitions, or set EXECUTOR_TYPE to simpleK8s.',
};

function unusable({ argo }: ArgoParts, error: unknown): PreflightFinding {
  const hint = isRunnerError(error) ? error.hint : undefined;
  return {
    level: 'error',
    code: 'argo_unusable',
    message: `${argo.place.description} cannot be asked: ${reasonOf(error)}`,
    hint: hint ?? 'Check its address, its certificate and the token of the agent.',
  };
}
