import type { SecretProvider } from '../provider.ts';
import { chooseProvider } from '../choose-provider.ts';
import { secretError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The store that `--provider` or SECRETS_MANAGER names, with its settings from the environment. Loads only that one. */
export async function openProvider(given: string | undefined, environment: Environment): Promise<SecretProvider> {
  const name = given ?? environment['SECRETS_MANAGER'] ?? '';
  if (name === '') throw misconfigured('no store of secrets was named', 'set SECRETS_MANAGER, or give --provider');
  const folder = environment['SECRETS_FILE_DIR'] ?? '';
  if (name === 'file' && folder === '') {
    throw misconfigured(
      'the provider file has no folder',
      'set SECRETS_FILE_DIR to the folder with one file per secret',
    );
  }
  return await chooseProvider(name, { env: environment, ...(folder === '' ? {} : { file: { folder } }) });
}

function misconfigured(message: string, hint: string): Error {
  return secretError('secret_misconfigured', message, { hint });
}
