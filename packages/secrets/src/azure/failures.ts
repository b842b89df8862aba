import { isAbort, retryAfterMs } from '@runner/core';
import type { SecretErrorCode } from '../errors.ts';
import type { SecretProviderDescription } from '../provider.ts';
import { storeFailure, unforeseen } from '../store/failure.ts';
import { networkFailure } from '../store/network-failures.ts';
import { factsOf } from '../store/store-provider.ts';
import { CredentialFailure } from './credential.ts';
import { VaultRefusal } from './refusal.ts';
import { explainCredential } from './credential-failures.ts';

/** What the SDK throws, as far as it can be relied on. */
interface SdkError {
  readonly code?: unknown;
  readonly statusCode?: number;
  readonly message?: string;
}

export interface AzureWhere {
  readonly about: SecretProviderDescription;
  readonly id: string;
  readonly vaultUrl: string;
  readonly now: number;
}

export function explainAzure(error: unknown, where: AzureWhere): Error {
  if (error instanceof CredentialFailure) return explainCredential(error.cause, where);
  if (error instanceof VaultRefusal) return byStatus(error, where);
  const { about, id } = where;
  const { code, statusCode, message = '' } = (error ?? {}) as SdkError;
  const network = networkFailure(error, about.location, { ...factsOf(about), id });
  if (network !== undefined) return network;
  if (isAbort(error)) {
    return storeFailure(about, id, { code: 'secret_timed_out', message: `${about.location} did not answer in time` });
  }
  if (code === 'PARSE_ERROR') return unreadable(statusCode, where);
  if (/challenge resource/i.test(message)) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: `${about.location} asks for a token that is meant for another domain`,
      hint: 'check the URL of the vault; a private endpoint must be reached by the name of the vault',
    });
  }
  return unforeseen(about, id, error);
}

/** Without a status the answer broke off; with one it is whole and not that of a vault. */
function unreadable(status: number | undefined, { about, id }: AzureWhere): Error {
  if (status === undefined) {
    return storeFailure(about, id, {
      code: 'secret_unreachable',
      message: `the answer of ${about.location} broke off`,
    });
  }
  return storeFailure(about, id, {
    code: 'secret_misconfigured',
    message: `${about.location} gave an answer that cannot be read`,
    hint: 'a proxy or a portal may have answered instead of the vault',
    details: { status },
  });
}

function byStatus(refusal: VaultRefusal, where: AzureWhere): Error {
  const { about, id, now } = where;
  const { status } = refusal;
  const reason = refusal.inner ?? refusal.reason;
  const details = { status, ...(reason === undefined ? {} : { reason }) };
  const failure = (code: SecretErrorCode, message: string, hint?: string): Error =>
    storeFailure(about, id, { code, message, hint, details });
  if (status === 404 && refusal.reason === 'SecretNotFound') {
    return failure(
      'secret_not_found',
      `there is no secret {id} in ${about.location}`,
      'check the name and the version; a deleted secret is answered like one that never was, see az keyvault secret list-deleted',
    );
  }
  if (status === 403) return forbidden(refusal, where, details);
  if (status === 401) {
    return storeFailure(about, id, {
      code: 'secret_forbidden',
      message: `${about.location} does not accept the token of ${about.identity ?? 'this process'}`,
      hint: 'the token is for another tenant than that of the vault, or the clock of this host is wrong',
      details: { ...details, refused: 'credentials' },
    });
  }
  if (status === 429 || status >= 500) {
    return storeFailure(about, id, {
      code: status === 429 ? 'secret_throttled' : 'secret_unreachable',
      message: `${about.location} ${status === 429 ? 'asks to slow down' : `cannot answer just now (status ${status})`}`,
      retryAfterMs: retryAfterMs(refusal.retryAfter, now),
      details,
    });
  }
  if (status === 400)
    return failure('secret_malformed_id', `${about.location} does not take {id} as a name or version`);
  if (status === 407)
    return failure('secret_misconfigured', 'the proxy wants a user and a password', 'write them into its URL');
  return failure(
    'secret_misconfigured',
    `${about.location} answered with status ${status}, which is not how Key Vault answers for a secret`,
    'check that the URL is that of a vault',
  );
}

function forbidden(
  { inner, text: message }: VaultRefusal,
  { about, id, vaultUrl }: AzureWhere,
  details: Readonly<Record<string, unknown>>,
): Error {
  if (
    inner === 'SecretDisabled' ||
    (inner === undefined && /operation get is not allowed on a disabled secret/i.test(message))
  ) {
    return storeFailure(about, id, {
      code: 'secret_disabled',
      message: 'the newest version of the secret {id} is disabled',
      hint: 'enable it, or add a new version',
      details,
    });
  }
  const caller = /appid=([0-9a-f-]{36})(?:;oid=([0-9a-f-]{36}))?/i.exec(message);
  const identity =
    caller === null
      ? about.identity
      : `application ${caller[1] ?? ''}${caller[2] === undefined ? '' : ` (object ${caller[2]})`}`;
  const who = identity ?? 'this identity';
  if (inner === 'ForbiddenByFirewall' || inner === 'ForbiddenByConnection') {
    return storeFailure(about, id, {
      code: 'secret_forbidden',
      message: `the firewall of ${about.location} does not let this network in`,
      identity,
      permission: `access from this network to ${vaultUrl}`,
      hint: 'allow the subnet or the outgoing address under Networking of the vault, or use its private endpoint',
      details,
    });
  }
  return storeFailure(about, id, {
    code: 'secret_forbidden',
    message: `${who} may not read {id} in ${about.location}`,
    identity,
    permission: `role Key Vault Secrets User on ${vaultUrl}, or the access policy "get" for secrets`,
    hint: `assign the role Key Vault Secrets User on the vault to ${who}; a new assignment takes up to ten minutes`,
    details,
  });
}
