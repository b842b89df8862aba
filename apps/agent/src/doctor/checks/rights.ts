import type { AccessRight } from '@runner/kube';
import type { Permission } from '@runner/kube/runs';
import { describePermission } from '@runner/kube/runs';
import { accessRights, expiryRules } from '../../registry/permissions.ts';
import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import type { ClusterSight, KubernetesSettings } from '../context.ts';
import { ruleText } from '../looking.ts';

/** A right, with what it is for. */
interface Asked {
  readonly right: AccessRight;
  readonly without: string;
  readonly isRequired: boolean;
  /** Used by the agent itself, and not with the token for Argo. */
  readonly own: boolean;
}

/** Asks for every right that the runner makes use of, one by one. */
export const rights = defineCheck({
  id: 'rights',
  group: 'kubernetes',
  looksAt: 'every right that the runner makes use of, by access review',
  deadlineMs: 30_000,
  reasons: {
    rights_ok: { level: 'ok', when: 'All of them are granted.' },
    right_missing: {
      level: 'fail',
      when: 'A right is missing without which runs do not work.',
      fix: 'Add it to the Role of the runner in that namespace; the result has the rule.',
    },
    right_optional_missing: {
      level: 'warn',
      when: 'A right is missing without which something is poorer.',
      fix: 'Add it to the Role of the runner in that namespace; the result has the rule.',
    },
  },
  run: async (context, say, signal) => {
    const sight = await clusterOf(context);
    const asked = [...(await ofExecutor(sight)), ...ofStatus(context.config.pullSecretStatus?.configMap, sight)];
    const allowed = await Promise.all(
      asked.map(({ right, own }) => (own ? sight.api : sight.workloadApi).mayI(right, { signal })),
    );
    const missing = asked.filter((_, index) => allowed[index] === false);
    if (missing.length === 0)
      return [say('rights_ok', `All ${asked.length} rights that are used are granted${ofWhom(sight)}.`)];
    return missing.map(({ right, without, isRequired }) => {
      const resource = right.subresource === undefined ? right.resource : `${right.resource}/${right.subresource}`;
      const rule = ruleText(right.group, resource, right.verb);
      const told = describePermission(right);
      return say(
        isRequired ? 'right_missing' : 'right_optional_missing',
        `It may not ${told} in namespace ${right.namespace ?? ''}: without it ${without}.`,
        `Add ${rule} to its Role in namespace ${right.namespace ?? ''}.`,
      );
    });
  },
});

/** Rights of a kubeconfig say nothing of the runner's in its pod. */
function ofWhom({ user, settings }: ClusterSight): string {
  if (settings.cluster?.kind !== 'kubeconfig') return '';
  return ` to ${user ?? 'the user of the kubeconfig'}; those of the service account of the runner may be others`;
}

async function ofExecutor({ settings, namespace }: ClusterSight): Promise<readonly Asked[]> {
  return (await permissionsOf(settings)).map(({ group, resource, subresource, verb, without, need }) => ({
    right: { group, resource, verb, namespace, ...(subresource === undefined ? {} : { subresource }) },
    without,
    isRequired: need !== 'optional',
    own: false,
  }));
}

async function permissionsOf(settings: KubernetesSettings): Promise<readonly Permission<string>[]> {
  if (settings.type === 'argo') {
    const { CRD_PERMISSIONS, SERVER_PERMISSIONS } = await import('@runner/executor-argo');
    return settings.server === undefined ? CRD_PERMISSIONS : SERVER_PERMISSIONS;
  }
  const { PERMISSIONS } = await import('@runner/executor-k8s');
  const { delivery } = settings;
  // With `auto` Secrets are used only where they may be created: then they are no need.
  return PERMISSIONS.filter(({ need }) => need === 'required' || need === 'optional' || need === delivery);
}

function ofStatus(configMap: string | undefined, { ownNamespace }: ClusterSight): readonly Asked[] {
  const rules = expiryRules({ statusConfigMap: configMap });
  return accessRights(rules, ownNamespace).map((right) => ({
    right,
    without: 'the expiry of the pull secret is not known',
    isRequired: false,
    own: true,
  }));
}
