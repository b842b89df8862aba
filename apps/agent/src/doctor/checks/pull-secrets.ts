import { isRunnerError } from '@runner/core';
import { CONFIG_MAPS, SECRETS } from '@runner/kube';
import type { KubeSecret } from '@runner/kube';
import { PULL_SECRET_TYPE, describePullSecret } from '../../registry/pull-secret.ts';
import { readStatus } from '../../registry/status.ts';
import type { RegistryStatus } from '../../registry/status.ts';
import { jsonOf } from '../../config/format.ts';
import { defineCheck } from '../check.ts';
import type { Result, Say } from '../check.ts';
import { clusterOf } from '../context.ts';
import type { ClusterSight, DoctorContext } from '../context.ts';
import { ACCOUNTS, look } from '../looking.ts';
import type { Seen } from '../looking.ts';

const RENEW = 'kubectl create job --from=cronjob/ecr-registry-helper manual';
const SOON_MS = 3_600_000;
const REASONS = {
  pull_secret_ok: {
    level: 'ok',
    when: 'It exists, is for the registry of the image, and has not expired; or none is named.',
  },
  pull_secret_missing: {
    level: 'fail',
    when: 'It does not exist in the namespace of the workloads, and the registry of the image gives nothing without a login.',
    fix: `Let the registry helper make it: ${RENEW}. Or create it: kubectl create secret docker-registry.`,
  },
  pull_secret_missing_maybe: {
    level: 'warn',
    when: 'It does not exist in the namespace of the workloads. That does no harm where the image is public.',
    fix: 'Create it, or name none in INGESTION_IMAGE_PULL_SECRETS.',
  },
  pull_secret_expired: {
    level: 'fail',
    when: 'The token in it has expired: images that the nodes do not have already cannot be pulled.',
    fix: `Renew it: ${RENEW}, and look at the log of that Job.`,
  },
  pull_secret_expires_soon: {
    level: 'warn',
    when: 'The token in it expires within the hour.',
    fix: `See that the registry helper runs (kubectl get cronjob ecr-registry-helper), or renew it: ${RENEW}.`,
  },
  pull_secret_other_registry: {
    level: 'warn',
    when: 'It holds a login for other registries than that of the image.',
    fix: 'Create it for the registry of INGESTION_IMAGE.',
  },
  pull_secret_wrong_type: {
    level: 'fail',
    when: 'A Secret of that name exists and is no pull secret.',
    fix: 'Create it with kubectl create secret docker-registry.',
  },
  pull_secret_not_renewed: {
    level: 'warn',
    when: 'The registry helper could not write it the last time.',
    fix: 'Mend what the helper says; then it renews the secret within six hours, or at once by its Job.',
  },
  pull_secret_unseen: { level: 'warn', when: 'The right to look is missing.' },
} as const;

type Telling = Say<keyof typeof REASONS>;

/** The pull secrets of the workloads, and what the registry helper said last. Their contents are not told. */
export const pullSecrets = defineCheck({
  id: 'pull-secrets',
  group: 'kubernetes',
  looksAt: 'the pull secrets of the workloads: existence, registry, expiry',
  reasons: REASONS,
  run: async (context, say, signal) => {
    const sight = await clusterOf(context);
    const { settings } = sight;
    const account = await ofAccount(sight, signal);
    const names = new Set([...(settings.pods.image.pullSecrets ?? []), ...(account.seen ? account.it : [])]);
    const status = await statusOf(context, sight, signal);
    const helper = status === undefined ? [] : ofHelper(status, context.clock.now(), say);
    if (names.size === 0) {
      return [
        ...helper,
        account.seen ? say('pull_secret_ok', 'No pull secret is named.') : unnamed(account.fix, sight, say),
      ];
    }
    const about = { image: settings.pods.image.image, namespace: sight.namespace, now: context.clock.now() };
    const results = await Promise.all(
      [...names].map(async (name) => {
        const seen = await look(sight.api, SECRETS, sight.namespace, name, { signal });
        if (!seen.seen) return [say('pull_secret_unseen', `The pull secret ${name} may not be seen.`, seen.fix)];
        return judgeSecret(name, seen.it, about, say);
      }),
    );
    return [...results.flat(), ...helper.filter(({ reason }) => !results.flat().some((one) => one.reason === reason))];
  },
});

/** Those of the service account count, too. */
async function ofAccount(
  { api, namespace, settings }: ClusterSight,
  signal: AbortSignal,
): Promise<Seen<readonly string[]>> {
  const seen = await look(api, ACCOUNTS, namespace, settings.pods.serviceAccountName, { signal });
  return seen.seen ? { seen: true, it: (seen.it?.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []) } : seen;
}

function unnamed(fix: string, { settings }: ClusterSight, say: Telling): Result {
  const name = settings.pods.serviceAccountName;
  const told = `INGESTION_IMAGE_PULL_SECRETS names none, and the service account ${name}, which may name some, may not be seen.`;
  return say('pull_secret_unseen', told, fix);
}

async function statusOf(
  { config }: DoctorContext,
  { api, ownNamespace }: ClusterSight,
  signal: AbortSignal,
): Promise<RegistryStatus | undefined> {
  const name = config.pullSecretStatus?.configMap;
  if (name === undefined) return undefined;
  try {
    const found = await api.get(CONFIG_MAPS, ownNamespace, name, { signal });
    return found === undefined ? undefined : readStatus(found);
  } catch (error) {
    // The check of the rights says so.
    if (isRunnerError(error, 'kube_forbidden')) return undefined;
    throw error;
  }
}

function ofHelper({ outcome, message, hint, expiresAt }: RegistryStatus, now: number, say: Telling): readonly Result[] {
  if (expiresAt !== undefined && expiresAt <= now) {
    return [say('pull_secret_expired', `The pull secret expired at ${new Date(expiresAt).toISOString()}: ${message}.`)];
  }
  return outcome === 'written' ? [] : [say('pull_secret_not_renewed', `The registry helper says: ${message}.`, hint)];
}

interface About {
  readonly image: string;
  readonly namespace: string;
  readonly now: number;
}

/** Registries that give nothing to strangers. */
const PRIVATE = /\.dkr\.ecr[.-]|\.azurecr\.(io|cn|us)$|-docker\.pkg\.dev$|^gcr\.io$|\.gcr\.io$/;

/** Pure: what is said of one pull secret. */
export function judgeSecret(
  name: string,
  secret: KubeSecret | undefined,
  { image, namespace, now }: About,
  say: Telling,
): readonly Result[] {
  const registry = registryOf(image);
  if (secret === undefined) {
    const told = `The pull secret ${name} does not exist in namespace ${namespace}; the image comes from ${registry}.`;
    return [say(PRIVATE.test(registry) ? 'pull_secret_missing' : 'pull_secret_missing_maybe', told)];
  }
  const registries = registriesIn(secret);
  if (registries === undefined) {
    return [say('pull_secret_wrong_type', `The Secret ${name} is of type ${secret.type ?? 'Opaque'}, no pull secret.`)];
  }
  const { expiresAt } = describePullSecret(secret);
  const until =
    expiresAt === undefined ? '; it does not say until when' : `, valid until ${new Date(expiresAt).toISOString()}`;
  if (expiresAt !== undefined && expiresAt <= now) {
    return [say('pull_secret_expired', `The pull secret ${name} expired at ${new Date(expiresAt).toISOString()}.`)];
  }
  if (!registries.some((host) => isFor(host, registry))) {
    const held = registries.length === 0 ? 'no login' : `logins for ${registries.join(', ')}`;
    return [
      say('pull_secret_other_registry', `The pull secret ${name} holds ${held}; the image comes from ${registry}.`),
    ];
  }
  const told = `The pull secret ${name} is for ${registry}${until}.`;
  return [say((expiresAt ?? Infinity) - now < SOON_MS ? 'pull_secret_expires_soon' : 'pull_secret_ok', told)];
}

/** Hosts with a login; undefined where it is no pull secret. The logins themselves are not looked at. */
function registriesIn({ type, data = {} }: KubeSecret): readonly string[] | undefined {
  const old = type === 'kubernetes.io/dockercfg';
  if (type !== PULL_SECRET_TYPE && !old) return undefined;
  const text = Buffer.from(data[old ? '.dockercfg' : '.dockerconfigjson'] ?? '', 'base64').toString('utf8');
  const document = jsonOf(text) as { readonly auths?: object } | undefined;
  const auths = old ? document : document?.auths;
  return Object.keys(auths ?? {}).map((key) => hostOf(key));
}

/** As the kubelet matches: `*` stands for any part of a name, and for no dot. */
function isFor(pattern: string, registry: string): boolean {
  const [parts, labels] = [pattern.split('.'), registry.split('.')];
  return parts.length === labels.length && parts.every((part, index) => isLabelFor(part, labels[index] ?? ''));
}

function isLabelFor(part: string, label: string): boolean {
  const pieces = part.split('*').map((piece) => piece.replace(/[^a-z0-9:-]/g, '\\$&'));
  return new RegExp(`^${pieces.join('[^.]*')}$`).test(label);
}

const DOCKER_HUB = 'docker.io';

const hostOf = (key: string): string => {
  const host = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  return host === 'index.docker.io' ? DOCKER_HUB : host;
};

/** Where an image comes from: a first part with a dot or a port is a host. */
export function registryOf(image: string): string {
  const [first = '', ...more] = image.split('/');
  return more.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? hostOf(first) : DOCKER_HUB;
}
