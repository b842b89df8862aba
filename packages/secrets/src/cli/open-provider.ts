import { secretError } from '../errors.ts';
import type { SecretProvider } from '../provider.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The store that `--provider` or SECRETS_MANAGER names, with its settings from the environment. Loads only that one. */
export async function openProvider(given: string | undefined, environment: Environment): Promise<SecretProvider> {
  const name = given ?? environment['SECRETS_MANAGER'] ?? '';
  if (name === 'env') {
    const { createEnvProvider } = await import('../env-provider.ts');
    return createEnvProvider({ env: environment });
  }
  if (name === 'file') {
    const folder = environment['SECRETS_FILE_DIR'];
    if (folder === undefined || folder === '') {
      throw secretError('secret_misconfigured', 'the provider file has no folder', {
        hint: 'set SECRETS_FILE_DIR to the folder that holds one file for each secret',
      });
    }
    const { createFileProvider } = await import('../file-provider.ts');
    return createFileProvider({ folder });
  }
  throw secretError('secret_misconfigured', 'no store of secrets was named', {
    hint: 'set SECRETS_MANAGER, or give --provider',
  });
}
