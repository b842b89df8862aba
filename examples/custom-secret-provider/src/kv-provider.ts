import type { Secret } from '@runner/core';
import { abortError, isAbort, isRunnerError } from '@runner/core';
import type { FetchedSecret, SecretErrorCode, SecretErrorFacts, SecretProvider } from '@runner/secrets';
import { secretError, secretText, validateSecretId } from '@runner/secrets';

/**
 * A provider for a store that this project knows nothing of: a key-value store in the style of Vault and OpenBao, asked
 * over HTTP. `secret:team/db` is the field `value` of `GET <address>/v1/<mount>/data/team/db`.
 *
 * One attempt, one answer. What to do with the answer (try again, remember it, share it) is the resolver's business.
 */
export interface KvProviderOptions {
  /** Where the store listens, such as `https://vault.example:8200`. */
  readonly address: string;
  /** Default `secret`. */
  readonly mount?: string;
  readonly token: Secret;
}

const NAME = 'kv';

export function createKvProvider({ address, mount = 'secret', token }: KvProviderOptions): SecretProvider {
  const location = `${new URL(address).origin}, mount ${mount}`;

  const ask = async (id: string, signal: AbortSignal): Promise<FetchedSecret> => {
    const about = { provider: NAME, id, location };
    const [problem] = validateSecretId('openbao', id);
    if (problem !== undefined)
      throw secretError('secret_malformed_id', `this store cannot have it: ${problem.message}`, about);

    const path = id.split('/').filter(Boolean).map(encodeURIComponent).join('/');
    const response = await fetch(new URL(`/v1/${mount}/data/${path}`, address), {
      headers: { 'x-vault-token': token.reveal() },
      redirect: 'error',
      signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw refusal(response, about);
    }
    return secretText(valueIn(await response.text(), about), about);
  };

  return {
    describe: () => ({ name: NAME, location, identity: 'the holder of the token' }),
    fetch: async (id, { signal }) => {
      try {
        return await ask(id, signal);
      } catch (error) {
        if (isRunnerError(error)) throw error;
        if (isAbort(error) || signal.aborted) throw abortError(signal);
        // fetch knows no other failures; its cause says which (refused, reset, unknown host, a certificate).
        throw secretError('secret_unreachable', `the store at ${location} cannot be reached`, {
          provider: NAME,
          id,
          location,
          cause: error,
        });
      }
    },
  };
}

const CODES: Readonly<Record<number, SecretErrorCode>> = {
  401: 'secret_forbidden',
  403: 'secret_forbidden',
  404: 'secret_not_found',
  429: 'secret_throttled',
};

function refusal(response: Response, about: SecretErrorFacts): Error {
  const code = CODES[response.status] ?? (response.status >= 500 ? 'secret_unreachable' : 'secret_misconfigured');
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  return secretError(code, `the store answered ${response.status} for "${about.id ?? ''}"`, {
    ...about,
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
    ...(code === 'secret_forbidden'
      ? { permission: 'read', hint: 'give the token a policy that may read this path' }
      : {}),
  });
}

/** The value in an answer. A parser's error quotes what it read, so it is not passed on. */
function valueIn(body: string, about: SecretErrorFacts): string {
  let answer: { readonly data?: { readonly data?: Record<string, unknown> | null } } | undefined;
  try {
    answer = JSON.parse(body) as typeof answer;
  } catch {
    throw secretError('secret_integrity', 'the answer of the store is not JSON', about);
  }
  // The store keeps the path of a deleted version, without data.
  if (answer?.data?.data === null)
    throw secretError('secret_disabled', 'this version of the secret was deleted', about);
  const value = answer?.data?.data?.['value'];
  if (typeof value === 'string') return value;
  throw secretError('secret_key_missing', 'the secret has no text in the field "value"', {
    ...about,
    hint: 'store it with: kv put <path> value=…',
  });
}
