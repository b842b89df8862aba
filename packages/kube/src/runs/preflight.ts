import type { PreflightFinding } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';
import type { ResourceType } from '../objects.ts';
import type { Permission } from './permissions.ts';
import { describePermission } from './permissions.ts';

const SHORT_TTL_SECONDS = 3_600;
const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const SERVICE_ACCOUNTS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};

export interface StandingInput {
  readonly api: Pick<KubeApi, 'mayI' | 'get'>;
  readonly namespace: string;
  /** Service account of the workloads. */
  readonly account: string;
}

/** Whether what workloads stand on exists: the namespace and their service account, each where it may be read. */
export async function standingFindings(
  input: StandingInput,
  signal: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  return (await Promise.all([namespaceFindings(input, signal), accountFindings(input, signal)])).flat();
}

async function namespaceFindings(
  { api, namespace }: StandingInput,
  signal: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  const right = { verb: 'get', group: '', resource: 'namespaces', name: namespace };
  if (!(await api.mayI(right, { signal }))) return [];
  if ((await api.get(NAMESPACES, '', namespace, { signal })) !== undefined) return [];
  return [
    {
      level: 'error',
      code: 'namespace_missing',
      message: `The namespace ${namespace} of the workloads does not exist.`,
      hint: 'Create it, or name another one in INGESTION_NAMESPACE.',
    },
  ];
}

async function accountFindings(
  { api, namespace, account }: StandingInput,
  signal: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  const right = { verb: 'get', group: '', resource: 'serviceaccounts', namespace, name: account };
  if (!(await api.mayI(right, { signal }))) return [];
  if ((await api.get(SERVICE_ACCOUNTS, namespace, account, { signal })) !== undefined) return [];
  return [
    {
      level: 'error',
      code: 'service_account_missing',
      message: `The service account ${account} of the workloads does not exist in namespace ${namespace}.`,
      hint: 'Create it, or name another one in INGESTION_SERVICE_ACCOUNT_NAME. Until then no pod of a run can be made.',
    },
  ];
}

/** A right that is not granted. */
export function missingPermission(permission: Permission<string>, namespace: string, said?: string): PreflightFinding {
  const right = describePermission(permission);
  return {
    level: permission.need === 'optional' ? 'warning' : 'error',
    code: 'permission_missing',
    message: `The agent may not ${right} in namespace ${namespace}: without it ${permission.without}.${said === undefined ? '' : ` (${said})`}`,
    hint: `Add the verb ${permission.verb} to the agent's Role in namespace ${namespace}.`,
  };
}

/** @param kind what has a time to live: `Jobs` */
export function shortTtlFindings(ttlSeconds: number, kind: string): readonly PreflightFinding[] {
  if (ttlSeconds >= SHORT_TTL_SECONDS) return [];
  return [
    {
      level: 'warning',
      code: 'short_time_to_live',
      message: `${kind} that have ended are kept for less than an hour.`,
      hint: 'When agent or control plane are away for longer, the outcome of runs that ended meanwhile is lost.',
    },
  ];
}
