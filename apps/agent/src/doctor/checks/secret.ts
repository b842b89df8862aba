import { PODS } from '@runner/kube';
import { secretCheck } from '../../secret-check.ts';
import type { SecretCheckAnswer } from '../../secret-check.ts';
import type { SecretCheckSettings } from '../../config/secrets.ts';
import { withExecutor } from '../borrowed-executor.ts';
import { defineCheck, isReason } from '../check.ts';
import type { Result, Say } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { lookAround } from '../looking.ts';
import { runnerContainer } from '../runner-container.ts';

const PREFIX_HINT = 'The pages of the runner keep secrets under secret:/collate/hybrid-ingestion-runner/<name>.';
const REASONS = {
  secret_readable: { level: 'ok', when: 'A workload can read it.' },
  secret_not_asked: {
    level: 'skipped',
    when: 'No reference is given (--reference, or SECRETS_PREFLIGHT_REF), or --no-pods is.',
  },
  secret_not_possible: {
    level: 'skipped',
    when: 'It cannot be tried: no image with runner-secrets is known.',
    fix: 'Set SECRETS_PREFLIGHT_IMAGE to the image of the runner.',
  },
  secret_not_found: {
    level: 'fail',
    when: 'The store has no secret of this id.',
    fix: `Create it, or correct the reference. ${PREFIX_HINT}`,
  },
  secret_key_missing: {
    level: 'fail',
    when: 'The secret exists, and not the key in it that holds the value.',
    fix: 'Put the value under the key `value`.',
  },
  secret_forbidden: {
    level: 'fail',
    when: 'The service account of the workloads may not read it.',
    fix: 'Give the ingestion account the role or policy for it (IAM, Workload Identity, RBAC), and set SECRETS_MANAGER to the store that is meant.',
  },
  secret_misconfigured: {
    level: 'fail',
    when: 'The settings of the secrets manager are wrong: no region, no vault, no credentials.',
    fix: 'Set what it needs in INGESTION_EXTRA_ENVS, and the identity of the service account.',
  },
  secret_malformed_id: {
    level: 'fail',
    when: 'The reference is none, or its id is one this store cannot have.',
    fix: 'Write it as secret:<id>.',
  },
  secret_unreachable: {
    level: 'fail',
    when: 'The store cannot be reached from the pod.',
    fix: 'Check DNS, NetworkPolicy and proxy of the pods of the workloads.',
  },
  secret_timed_out: {
    level: 'fail',
    when: 'The store did not answer in time.',
    fix: 'Check NetworkPolicy and proxy of the pods of the workloads.',
  },
  secret_unreadable: { level: 'fail', when: 'It cannot be read for another reason.', fix: 'The message says why.' },
  secret_doubtful: {
    level: 'warn',
    when: 'It can be read, and something about it is unusual.',
    fix: 'The message says what.',
  },
  secret_check_failed: {
    level: 'warn',
    when: 'Nothing is known: the pod that should read it did not run, or gave no answer.',
    fix: 'SECRETS_PREFLIGHT_IMAGE must hold the program runner-secrets and be one that the cluster can pull.',
  },
} as const;

type Telling = Say<keyof typeof REASONS>;

/** Has a reference read where workloads run and as they would: in a pod of their account, which is removed again. */
export const secret = defineCheck({
  id: 'secret',
  group: 'secrets',
  looksAt:
    'whether workloads can read one reference, tried in a pod of their account (with --reference; not with --no-pods)',
  deadlineMs: 45_000,
  reasons: REASONS,
  run: async (context, say, signal) => {
    const { config, options } = context;
    const reference = options.reference ?? config.secrets.preflightReference;
    if (reference === undefined) return [say('secret_not_asked', 'No reference is given (--reference secret:<id>).')];
    const isLocal = config.executor.type === 'local';
    if (!isLocal && !options.pods) return [say('secret_not_asked', 'Pods were not to be made (--no-pods).')];
    const settings = await settingsOf(context, signal);
    return await withExecutor(context, async (executor) => {
      const check = secretCheck(settings, executor);
      if (check === undefined)
        return [
          say('secret_not_possible', 'Nothing is known that could run runner-secrets here: no image with it is named.'),
        ];
      return resultsOf(reference, await check([reference], signal), say);
    });
  },
});

/** Without a setting, the image of this very pod: it has the program. */
async function settingsOf(context: DoctorContext, signal: AbortSignal): Promise<SecretCheckSettings | undefined> {
  const { check, manager } = context.config.secrets;
  if (check !== undefined) return check;
  const image = await ownImage(context, signal);
  return image === undefined ? undefined : { manager, image };
}

async function ownImage(context: DoctorContext, signal: AbortSignal): Promise<string | undefined> {
  const { environment } = context;
  const pod = environment['HOSTNAME'] ?? '';
  const outcome = await context.cluster();
  const isPod = (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && pod !== '';
  if (!isPod || outcome.kind !== 'usable') return undefined;
  const { api, ownNamespace } = outcome.sight;
  const seen = await lookAround(api, PODS, ownNamespace, { fieldSelector: `metadata.name=${pod}`, signal });
  const [own] = seen.seen ? seen.it : [];
  return own === undefined ? undefined : runnerContainer(own)?.image;
}

/** Pure: what the answer of the probe says. */
export function resultsOf(reference: string, answer: SecretCheckAnswer, say: Telling): readonly Result[] {
  if ('problem' in answer) {
    const { message, hint } = answer.problem;
    return [say('secret_check_failed', `It is not known whether workloads can read ${reference}: ${message}`, hint)];
  }
  return answer.results.flatMap(({ error, warnings, provider, location, identity }) => {
    if (error === undefined) {
      const where = [provider, location, ...(identity === undefined ? [] : [`as ${identity}`])].join(', ');
      return [
        say('secret_readable', `Workloads can read ${reference} (${where}).`),
        ...warnings.map(({ message }) => say('secret_doubtful', `${reference}: ${message}.`)),
      ];
    }
    const reason = isReason(REASONS, error.code) ? error.code : 'secret_unreadable';
    const told = `Workloads cannot read ${reference}: ${error.message} (${error.code}).`;
    const fix = reason === 'secret_not_found' && error.hint !== undefined ? `${error.hint} ${PREFIX_HINT}` : error.hint;
    return [say(reason, told, fix)];
  });
}
