import { abortError } from '@runner/core';
import { secretError, shownId } from './errors.ts';
import type { FetchedSecret, SecretProvider } from './provider.ts';
import { secretText } from './provider.ts';
import { malformedId } from './reference.ts';
import { pathSegments, validateSecretId } from './secret-id.ts';

export interface EnvProviderOptions {
  /** The environment to read, usually `process.env`. Read at each call. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What every variable of a secret begins with. Default `RUNNER_SECRET_`. */
  readonly prefix?: string;
}

/** The prefix keeps references from reaching the rest of the environment. */
export const DEFAULT_ENV_PREFIX = 'RUNNER_SECRET_';

const NAME = 'env';

/** The variable that holds a secret: `demo-db/password` is in `RUNNER_SECRET_DEMO_DB_PASSWORD`. */
export function secretVariable(id: string, prefix: string = DEFAULT_ENV_PREFIX): string {
  return (
    prefix +
    pathSegments(id)
      .join('_')
      .replaceAll(/[^A-Za-z0-9_]/g, '_')
      .toUpperCase()
  );
}

/** Secrets in environment variables: for a laptop and for containers whose platform puts them there. */
export function createEnvProvider({ env, prefix = DEFAULT_ENV_PREFIX }: EnvProviderOptions): SecretProvider {
  const read = (id: string): FetchedSecret => {
    const [problem] = validateSecretId(NAME, id);
    if (problem !== undefined) throw malformedId(id, problem, NAME);
    const variable = secretVariable(id, prefix);
    const about = { provider: NAME, id, location: `the variable ${variable}` };
    const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
    if (value === undefined) {
      throw secretError('secret_not_found', `the variable ${variable} of the secret ${shownId(id)} is not set`, {
        ...about,
        hint: `set ${variable} for the process that resolves the reference`,
      });
    }
    // Bytes that are no UTF-8 arrive as replacement characters; the value is lost by then.
    return secretText(value.includes('\uFFFD') ? Uint8Array.of(0xff) : value, about);
  };
  return {
    describe: () => ({ name: NAME, location: `variables that begin with ${prefix}` }),
    fetch: (id, { signal }) =>
      signal.aborted ? Promise.reject(abortError(signal)) : Promise.resolve().then(() => read(id)),
  };
}
