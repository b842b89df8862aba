import type { BackoffOptions, Clock, Random } from '@runner/core';
import { RunnerError, backoffDelay, isRunnerError } from '@runner/core';
import type { KubeApi, KubeSecret } from '@runner/kube';
import { SECRETS } from '@runner/kube';
import { PULL_SECRET_TYPE, decide, describePullSecret, newPullSecret } from './pull-secret.ts';
import type { PresentSecret } from './pull-secret.ts';
import type { RegistryToken } from './tokens.ts';

export interface WriterOptions {
  readonly api: KubeApi;
  readonly secretName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export interface Written {
  readonly how: 'created' | 'updated' | 'same' | 'newer';
  /** Of what stands there now, epoch milliseconds. */
  readonly expiresAt: number;
}

const ATTEMPTS = 8;
const BACKOFF: BackoffOptions = { floorMs: 20, capMs: 500 };

/**
 * Brings the token into a namespace. The secret is made or changed, never removed, so that there is no moment without one;
 * whoever changed it in between is read again.
 */
export async function writePullSecret(
  namespace: string,
  token: RegistryToken,
  { api, secretName, clock, random, signal }: WriterOptions,
): Promise<Written> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await clock.sleep(backoffDelay(attempt, BACKOFF, random), signal);
    const present = await named(namespace, secretName, () => api.get(SECRETS, namespace, secretName, { signal }));
    if (present === undefined) {
      const { created } = await named(namespace, secretName, () =>
        api.create(SECRETS, namespace, newPullSecret(secretName, token), { signal }),
      );
      if (created) return { how: 'created', expiresAt: token.expiresAt };
      continue;
    }
    const decision = decide(present, token, attempt > 0);
    if (decision.kind === 'foreign') throw foreign(namespace, secretName, decision.type);
    if (decision.kind === 'immutable') throw immutable(namespace, secretName);
    if (decision.kind === 'same') return { how: 'same', expiresAt: token.expiresAt };
    if (decision.kind === 'newer') return { how: 'newer', expiresAt: decision.expiresAt };
    if (await patched(api, namespace, secretName, decision.patch, signal)) {
      return { how: 'updated', expiresAt: token.expiresAt };
    }
  }
  throw new RunnerError(
    'pull_secret_contended',
    `the secret ${namespace}/${secretName} is changed by others all the time`,
    {
      hint: 'see with kubectl get secret -o yaml --show-managed-fields who writes it, and let only one do so',
      retryable: true,
    },
  );
}

/** False when somebody changed or removed it in between. */
async function patched(
  api: KubeApi,
  namespace: string,
  name: string,
  patch: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await named(namespace, name, () => api.patch(SECRETS, namespace, name, patch, { signal }))) !== undefined;
  } catch (error) {
    if (isRunnerError(error, 'kube_conflict')) return false;
    throw error;
  }
}

/** What stands in a namespace. `unseen`: whether anything does is not known. */
export type Standing = ({ readonly kind: 'present' } & PresentSecret) | { readonly kind: 'none' | 'unseen' };

export async function presentPullSecret(
  namespace: string,
  { api, secretName, signal }: Pick<WriterOptions, 'api' | 'secretName' | 'signal'>,
): Promise<Standing> {
  try {
    const secret = await api.get(SECRETS, namespace, secretName, { signal });
    return secret?.type === PULL_SECRET_TYPE ? { kind: 'present', ...describePullSecret(secret) } : { kind: 'none' };
  } catch {
    return { kind: 'unseen' };
  }
}

/** The cluster's refusals in the words of this task. */
async function named<T extends KubeSecret | undefined | { readonly created: boolean }>(
  namespace: string,
  name: string,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isRunnerError(error, 'kube_not_found')) {
      throw new RunnerError('pull_secret_namespace_missing', `there is no namespace ${namespace} for the pull secret`, {
        cause: error,
        hint: `kubectl create namespace ${namespace} (once it is gone, where it is being deleted), or take it out of PULL_SECRET_NAMESPACES`,
      });
    }
    if (isRunnerError(error, 'kube_forbidden')) {
      throw new RunnerError(
        'pull_secret_forbidden',
        `the registry helper may not write the secret ${namespace}/${name}`,
        {
          cause: error,
          details: error.details,
          hint: `in ${namespace}, its service account needs create on secrets, and get and patch on the secret ${name}; a namespace that does not exist is answered the same`,
        },
      );
    }
    throw error;
  }
}

function immutable(namespace: string, name: string): RunnerError {
  return new RunnerError(
    'pull_secret_immutable',
    `the secret ${namespace}/${name} is immutable, so its token cannot be renewed`,
    { hint: `kubectl -n ${namespace} delete secret ${name}; the next run of the job makes it anew` },
  );
}

function foreign(namespace: string, name: string, type: string): RunnerError {
  return new RunnerError(
    'pull_secret_foreign',
    `the secret ${namespace}/${name} is of the type ${type}, not ${PULL_SECRET_TYPE}, and is left alone`,
    { hint: 'give DOCKER_SECRET_NAME another name, or remove that secret if nobody needs it' },
  );
}
