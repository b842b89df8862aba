import type { KubeSecret } from '@runner/kube';
import type { RegistryToken } from './tokens.ts';

/** What the pull secret is, and what is to be done about one that stands already. Pure. */

export const PULL_SECRET_TYPE = 'kubernetes.io/dockerconfigjson';
const KEY = '.dockerconfigjson';

/** Says whose it is; nothing removes what has them. */
export const PULL_SECRET_LABELS = {
  'app.kubernetes.io/managed-by': 'hybrid-ingestion-runner',
  'app.kubernetes.io/component': 'registry-helper',
} as const;

const PREFIX = 'hybrid-ingestion-runner/';
const EXPIRES_AT = `${PREFIX}expires-at`;
const REGISTRY = `${PREFIX}registry`;

/** Of a pull secret that stands in a namespace. */
export interface PresentSecret {
  /** Epoch milliseconds; undefined when it does not say. */
  readonly expiresAt: number | undefined;
  readonly registry: string | undefined;
}

/** As the API gives it. */
export interface StandingSecret extends KubeSecret {
  readonly immutable?: boolean;
}

export type Decision =
  | { readonly kind: 'write'; readonly patch: Readonly<Record<string, unknown>> }
  /** It holds this very token already. */
  | { readonly kind: 'same' }
  /** Somebody else wrote one meanwhile that lasts longer. */
  | { readonly kind: 'newer'; readonly expiresAt: number }
  /** Somebody has closed it against any change. */
  | { readonly kind: 'immutable' }
  /** It is no pull secret. */
  | { readonly kind: 'foreign'; readonly type: string };

export function newPullSecret(name: string, token: RegistryToken): KubeSecret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, labels: PULL_SECRET_LABELS, annotations: annotationsOf(token) },
    type: PULL_SECRET_TYPE,
    data: { [KEY]: dockerConfig(token, undefined) },
  };
}

/**
 * @param raced another helper has changed it since this one first looked: only then can the one that stands be the newer.
 * At first sight a longer life proves nothing, it may be that of an identity that was replaced.
 */
export function decide(present: StandingSecret, token: RegistryToken, raced: boolean): Decision {
  if (present.type !== PULL_SECRET_TYPE) return { kind: 'foreign', type: present.type ?? 'Opaque' };
  const stands = describePullSecret(present);
  const data = dockerConfig(token, present.data?.[KEY]);
  if (data === present.data?.[KEY] && stands.expiresAt === token.expiresAt) return { kind: 'same' };
  if (raced && stands.registry === token.registry && (stands.expiresAt ?? 0) > token.expiresAt) {
    return { kind: 'newer', expiresAt: stands.expiresAt ?? 0 };
  }
  if (present.immutable === true) return { kind: 'immutable' };
  return {
    kind: 'write',
    patch: {
      metadata: {
        resourceVersion: present.metadata?.resourceVersion,
        labels: PULL_SECRET_LABELS,
        annotations: annotationsOf(token),
      },
      data: { [KEY]: data },
    },
  };
}

export function describePullSecret({ metadata }: KubeSecret): PresentSecret {
  const at = Date.parse(metadata?.annotations?.[EXPIRES_AT] ?? '');
  return { expiresAt: Number.isNaN(at) ? undefined : at, registry: metadata?.annotations?.[REGISTRY] };
}

function annotationsOf({ expiresAt, registry }: RegistryToken): Readonly<Record<string, string>> {
  return { [EXPIRES_AT]: new Date(expiresAt).toISOString(), [REGISTRY]: registry };
}

/** The login, in Base64, beside those for other registries that somebody put there. */
function dockerConfig({ registry, username, password }: RegistryToken, present: string | undefined): string {
  const secret = password.reveal();
  const auth = Buffer.from(`${username}:${secret}`).toString('base64');
  const auths = { ...otherLogins(present, registry), [registry]: { username, password: secret, auth } };
  return Buffer.from(JSON.stringify({ auths })).toString('base64');
}

function otherLogins(present: string | undefined, registry: string): Readonly<Record<string, unknown>> {
  try {
    const { auths } = JSON.parse(Buffer.from(present ?? '', 'base64').toString('utf8')) as { auths?: unknown };
    if (typeof auths !== 'object' || auths === null || Array.isArray(auths)) return {};
    // The same registry may stand there with a scheme, as the original helper wrote it.
    return Object.fromEntries(Object.entries(auths).filter(([name]) => hostOf(name) !== registry));
  } catch {
    return {};
  }
}

const hostOf = (name: string): string =>
  name
    .replace(/^https?:\/\//i, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
