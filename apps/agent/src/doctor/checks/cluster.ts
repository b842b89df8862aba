import { defineCheck } from '../check.ts';
import { ClusterNotAsked } from '../context.ts';
import { wordsOf } from '../errors.ts';

const OLDEST_MINOR = 28;

/** Whether the API server answers, and as which version. */
export const cluster = defineCheck({
  id: 'cluster',
  group: 'kubernetes',
  looksAt: 'whether the API server can be asked, and its version',
  deadlineMs: 20_000,
  reasons: {
    cluster_ok: { level: 'ok', when: 'It answers, and its version is one that runs are made for.' },
    cluster_version_untold: {
      level: 'warn',
      when: 'It answers, and does not tell its version (`/version` is closed to this account).',
      fix: 'Runs are made for Kubernetes 1.28 and later: see kubectl version.',
    },
    cluster_too_old: {
      level: 'warn',
      when: 'It is older than Kubernetes 1.28.',
      fix: 'Upgrade the cluster; what exactly fails on it is not known.',
    },
    cluster_unusable: {
      level: 'fail',
      when: 'It cannot be asked: no connection, a certificate that is not trusted, or credentials that are refused.',
      fix: 'Check the kubeconfig, or the service account of the pod and the egress NetworkPolicy.',
    },
  },
  run: async (context, say) => {
    const outcome = await context.cluster();
    if (outcome.kind === 'none') throw new ClusterNotAsked('No Kubernetes cluster is asked with this executor.');
    if (outcome.kind === 'unusable') {
      const { message, fix } = wordsOf(outcome.error);
      return [say('cluster_unusable', `The API server cannot be asked: ${message}.`, fix)];
    }
    const { api, version, namespace, user } = outcome.sight;
    const asked = user === undefined ? '' : `, asked as ${user}`;
    const told = `Kubernetes ${version ?? 'of an untold version'} at ${api.place.server}${asked}, workloads in namespace ${namespace}.`;
    if (version === undefined) return [say('cluster_version_untold', told)];
    const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
    return [say(major === '1' && Number(minor) < OLDEST_MINOR ? 'cluster_too_old' : 'cluster_ok', told)];
  },
});
