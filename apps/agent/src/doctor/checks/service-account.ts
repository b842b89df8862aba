import { secretsManagerFamily } from '@runner/executor';
import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import { ACCOUNTS, look } from '../looking.ts';

/** Annotations by which clouds give an account an identity. */
const IDENTITIES: Readonly<Record<string, string>> = {
  aws: 'eks.amazonaws.com/role-arn',
  azure: 'azure.workload.identity/client-id',
  gcp: 'iam.gke.io/gcp-service-account',
};

/** The service account of the workloads, and the cloud identity that the secrets manager needs of it. */
export const serviceAccount = defineCheck({
  id: 'service-account',
  group: 'kubernetes',
  looksAt: 'the service account of the workloads, and its cloud identity',
  reasons: {
    service_account_ok: { level: 'ok', when: 'It exists, and has the identity that the secrets manager looks for.' },
    service_account_missing: {
      level: 'fail',
      when: 'It does not exist: no pod of a run can be made.',
      fix: 'Create it, or name another one in INGESTION_SERVICE_ACCOUNT_NAME.',
    },
    service_account_without_identity: {
      level: 'warn',
      when: 'The secrets manager is that of a cloud, and the account has no annotation that gives it an identity there. Workloads then get Forbidden, unless the identity comes in another way (Pod Identity, the node, keys in INGESTION_EXTRA_ENVS).',
      fix: 'Annotate it with the role or client that may read the secrets.',
    },
    service_account_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    const { api, namespace, settings } = await clusterOf(context);
    const name = settings.pods.serviceAccountName;
    const { manager } = context.config.secrets;
    const seen = await look(api, ACCOUNTS, namespace, name, { signal });
    if (!seen.seen) return [say('service_account_unseen', `The service account ${name} may not be seen.`, seen.fix)];
    if (seen.it === undefined) {
      return [
        say(
          'service_account_missing',
          `The service account ${name} of the workloads does not exist in namespace ${namespace}.`,
          `kubectl -n ${namespace} create serviceaccount ${name}, or name another one in INGESTION_SERVICE_ACCOUNT_NAME.`,
        ),
      ];
    }
    const annotation = IDENTITIES[secretsManagerFamily(manager)];
    const identity = annotation === undefined ? undefined : seen.it.metadata?.annotations?.[annotation];
    if (annotation !== undefined && identity === undefined) {
      return [
        say(
          'service_account_without_identity',
          `The secrets manager is ${manager}, and the service account ${name} has no annotation ${annotation}: workloads may not be allowed to read secrets.`,
          `kubectl -n ${namespace} annotate serviceaccount ${name} ${annotation}=<the one that may read the secrets>, unless its identity comes in another way.`,
        ),
      ];
    }
    const told = identity === undefined ? '' : `, with the identity ${identity}`;
    return [say('service_account_ok', `The service account ${name} exists in namespace ${namespace}${told}.`)];
  },
});
