import type { AwsProviderOptions } from './aws/options.ts';
import type { AzureProviderOptions } from './azure/options.ts';
import type { EnvProviderOptions } from './env-provider.ts';
import { secretError, shownId } from './errors.ts';
import type { FileProviderOptions } from './file-provider.ts';
import type { GcpProviderOptions } from './gcp/options.ts';
import type { KubernetesProviderOptions } from './kubernetes/provider.ts';
import type { SecretProvider } from './provider.ts';
import type { SecretsManagerName } from './secret-id.ts';
import { SECRETS_MANAGERS, isSecretsManagerName } from './secret-id.ts';
import type { StoreOptions } from './store/store-provider.ts';

/** Settings for whichever provider is chosen, and for each one its own, which win. */
export interface ChooseProviderOptions extends StoreOptions {
  readonly kubernetes?: KubernetesProviderOptions;
  readonly aws?: AwsProviderOptions;
  readonly azure?: AzureProviderOptions;
  readonly gcp?: GcpProviderOptions;
  readonly file?: FileProviderOptions;
  readonly envPrefix?: EnvProviderOptions['prefix'];
}

type Make = (options: ChooseProviderOptions) => Promise<SecretProvider>;

const aws: Make = async ({ aws: own, ...common }) =>
  (await import('./aws/secrets-manager.ts')).createAwsProvider({ ...common, ...own });
const awsSsm: Make = async ({ aws: own, ...common }) =>
  (await import('./aws/parameter-store.ts')).createAwsSsmProvider({ ...common, ...own });
const azure: Make = async ({ azure: own, ...common }) =>
  (await import('./azure/provider.ts')).createAzureProvider({ ...common, ...own });

const MAKERS: Readonly<Partial<Record<SecretsManagerName, Make>>> = {
  kubernetes: async ({ kubernetes: own, ...common }) =>
    (await import('./kubernetes/provider.ts')).createKubernetesProvider({ ...common, ...own }),
  aws,
  'managed-aws': aws,
  'aws-ssm': awsSsm,
  'managed-aws-ssm': awsSsm,
  'azure-kv': azure,
  'managed-azure-kv': azure,
  gcp: async ({ gcp: own, ...common }) => (await import('./gcp/provider.ts')).createGcpProvider({ ...common, ...own }),
  file: async ({ file }) => {
    if (file === undefined) throw misconfigured('the secrets manager file needs a folder', 'give file.folder');
    return (await import('./file-provider.ts')).createFileProvider(file);
  },
  env: async ({ env = {}, envPrefix }) =>
    (await import('./env-provider.ts')).createEnvProvider({
      env,
      ...(envPrefix === undefined ? {} : { prefix: envPrefix }),
    }),
};

/**
 * The provider for a value of SECRETS_MANAGER, a name of OpenMetadata's or `file` or `env`. A `managed-` name is its plain
 * twin. Loads that provider's own code and nothing of the others; an SDK is loaded by the first secret that is read.
 * Errors: `secret_misconfigured` for a name that resolves nothing, or nothing here.
 */
export async function chooseProvider(name: string, options: ChooseProviderOptions = {}): Promise<SecretProvider> {
  const make = isSecretsManagerName(name) ? MAKERS[name] : undefined;
  if (make !== undefined) return await make(options);
  const usable = SECRETS_MANAGERS.filter((each) => MAKERS[each] !== undefined).join(', ');
  throw misconfigured(
    isSecretsManagerName(name)
      ? `the secrets manager ${name} resolves no references here`
      : `there is no secrets manager of the name ${shownId(name)}`,
    `use one of ${usable}`,
  );
}

function misconfigured(message: string, hint: string): Error {
  return secretError('secret_misconfigured', message, { hint });
}
