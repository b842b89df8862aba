import { secretsManagerEnvironment, secretsManagerProblems } from '@runner/executor';
import type { AgentConfig } from '../../config.ts';
import { defineCheck } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { ACCOUNTS, look } from '../looking.ts';

/** What only a cloud's secrets manager needs, and its usual name in SECRETS_MANAGER. */
const CLOUDS: readonly { readonly pattern: RegExp; readonly manager: string }[] = [
  { pattern: /^(AWS_(DEFAULT_)?REGION|AWS_ROLE_ARN|eks\.amazonaws\.com\/role-arn)$/, manager: 'managed-aws' },
  { pattern: /^(AZURE_KEY_VAULT_NAME|azure\.workload\.identity\/client-id)$/, manager: 'managed-azure-kv' },
  { pattern: /^(GOOGLE_CLOUD_PROJECT|iam\.gke\.io\/gcp-service-account)$/, manager: 'gcp' },
];

/** Which secrets manager workloads use, and whether that is the one which is meant. */
export const secretsManager = defineCheck({
  id: 'secrets-manager',
  group: 'secrets',
  looksAt: 'which secrets manager workloads use, and whether what it needs is set',
  reasons: {
    secrets_manager_ok: { level: 'ok', when: 'It is set, with what it needs.' },
    secrets_manager_incomplete: {
      level: 'warn',
      when: 'Something it needs in the pods is not set.',
      fix: 'Add it to INGESTION_EXTRA_ENVS.',
    },
    secrets_manager_not_set: {
      level: 'warn',
      when: 'Secrets are looked up as Kubernetes Secrets, although something here is set up for the secrets manager of a cloud.',
      fix: 'If your secrets are there, set SECRETS_MANAGER (config.secretsManager in the Helm values): references cannot be resolved without it.',
    },
  },
  run: async (context, say, signal) => {
    const { manager, workloads } = context.config.secrets;
    const isSet = (context.environment['SECRETS_MANAGER'] ?? '').trim() !== '';
    const told = `secretsManager=${manager}${isSet ? '' : ' (SECRETS_MANAGER is not set)'}`;
    const problems =
      context.config.executor.type === 'local' ? [] : secretsManagerProblems(workloads, namesIn(context.config));
    if (problems.length > 0) {
      return problems.map(({ message, hint }) =>
        say('secrets_manager_incomplete', `${told}: ${message}.`, hint === undefined ? undefined : `${hint}.`),
      );
    }
    const sign = manager === 'kubernetes' ? await signOfCloud(context, signal) : undefined;
    if (sign === undefined) return [say('secrets_manager_ok', `${told}.`)];
    return [
      say(
        'secrets_manager_not_set',
        `${told}: workloads look up Kubernetes Secrets, although ${sign.what} is set.`,
        `If your secrets are in the cloud, set SECRETS_MANAGER=${sign.manager} (config.secretsManager in the Helm values).`,
      ),
    ];
  },
});

function namesIn({ secrets, extraEnvs }: AgentConfig): readonly string[] {
  return [...secretsManagerEnvironment(secrets.workloads), ...extraEnvs].map(({ name }) => name);
}

async function signOfCloud(context: DoctorContext, signal: AbortSignal) {
  const names = [...context.config.extraEnvs.map(({ name }) => name), ...(await annotations(context, signal))];
  for (const what of names) {
    const cloud = CLOUDS.find(({ pattern }) => pattern.test(what));
    if (cloud !== undefined) return { what, manager: cloud.manager };
  }
  return undefined;
}

/** Of the account of the workloads, where it may be seen. */
async function annotations(context: DoctorContext, signal: AbortSignal): Promise<readonly string[]> {
  const outcome = await context.cluster();
  if (outcome.kind !== 'usable') return [];
  const { api, namespace, settings } = outcome.sight;
  const seen = await look(api, ACCOUNTS, namespace, settings.pods.serviceAccountName, { signal });
  return seen.seen ? Object.keys(seen.it?.metadata?.annotations ?? {}) : [];
}
