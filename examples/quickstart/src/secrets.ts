import type { Clock, Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { SecretProvider, SecretResolver } from '@runner/secrets';
import { createSecretResolver } from '@runner/secrets';
import { createEnvProvider } from '@runner/secrets/env';
import { createFileProvider } from '@runner/secrets/file';

export interface ResolverSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The resolver for the secrets manager that config or environment names. */
export function resolverFor(secretsManager: string, { env, ...others }: ResolverSettings): SecretResolver {
  return createSecretResolver({ provider: providerFor(secretsManager, env), ...others });
}

function providerFor(secretsManager: string, env: ResolverSettings['env']): SecretProvider {
  if (secretsManager === 'env') return createEnvProvider({ env });
  if (secretsManager !== 'file') {
    throw new RunnerError('quickstart_input', `the secrets manager ${secretsManager} is not one this ingestion reads`, {
      hint: 'set SECRETS_MANAGER to file or env',
    });
  }
  const folder = env['SECRETS_FILE_DIR'];
  if (folder === undefined || folder === '') {
    throw new RunnerError('quickstart_input', 'the variable SECRETS_FILE_DIR is missing', {
      hint: 'it names the folder that holds one file for each secret',
    });
  }
  return createFileProvider({ folder });
}
