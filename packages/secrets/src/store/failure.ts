import type { SecretProviderDescription } from '../provider.ts';
import type { SecretErrorCode } from '../errors.ts';
import { secretError, shownId } from '../errors.ts';
import { factsOf } from './store-provider.ts';

/** Below this the Terraform modules of the official runner let the ingestion pods read secrets in AWS. */
export const OFFICIAL_AWS_PREFIX = '/collate/hybrid-ingestion-runner/';

interface Failure {
  readonly code: SecretErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly permission?: string | undefined;
  readonly identity?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A failure with everything the provider knows about itself. What is undefined is left out. */
export function storeFailure(about: SecretProviderDescription, id: string, failure: Failure): Error {
  const { code, message, hint, permission, identity, retryAfterMs, details } = failure;
  return secretError(
    code,
    message.replace('{id}', () => shownId(id)),
    {
      ...factsOf(about),
      id,
      ...(hint === undefined ? {} : { hint }),
      ...(permission === undefined ? {} : { permission }),
      ...(identity === undefined ? {} : { identity }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(details === undefined ? {} : { details }),
    },
  );
}

/** An error nobody foresaw. Its text stays behind: it may quote an answer. */
export function unforeseen(about: SecretProviderDescription, id: string, error: unknown): Error {
  const name = error instanceof Error ? error.name : typeof error;
  const { code } = (error ?? {}) as { code?: unknown };
  return storeFailure(about, id, {
    code: 'secret_provider_failed',
    message: `${about.location} answered for the secret {id} in a way that has no name here`,
    hint: 'an endpoint or a proxy that is not the store itself may have answered; its text is withheld because it could quote the value',
    details: {
      kind: name.slice(0, 64),
      ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code).slice(0, 64) } : {}),
    },
  });
}
