import type { Clock, Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { SecretResolver } from '@runner/secrets';
import { createSecretResolver } from '@runner/secrets';
import { chooseProvider } from '@runner/secrets/choose';
import { inheritedRegister } from '@runner/secrets/exec';
import type { Redaction } from './redaction.ts';

export interface ResolverSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told every value that is resolved. */
  readonly redaction: Redaction;
}

/** The resolver for the secrets manager that config or environment names. */
export async function resolverFor(
  secretsManager: string,
  { env, redaction, ...others }: ResolverSettings,
): Promise<SecretResolver> {
  const folder = env['SECRETS_FILE_DIR'] ?? '';
  if (secretsManager === 'file' && folder === '') {
    throw new RunnerError('quickstart_input', 'the variable SECRETS_FILE_DIR is missing', {
      hint: 'it names the folder that holds one file for each secret',
    });
  }
  const file = folder === '' ? {} : { file: { folder } };
  // Under `runner-secrets exec` every value is told there first, so that it stays out of the log.
  const inherited = inheritedRegister(env);
  return createSecretResolver({
    provider: await chooseProvider(secretsManager, { env, ...file }),
    register: async (values) => {
      redaction.add(values.map((value) => value.reveal()));
      await inherited?.(values);
    },
    ...others,
  });
}
