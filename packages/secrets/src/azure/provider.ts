import { systemClock } from '@runner/core';
import type { SecretProvider, SecretProviderDescription } from '../provider.ts';
import type { SecretSelection } from '../selectors/selection.ts';
import { authorities, httpsAgent, proxyFor } from '../store/network.ts';
import { loadSdk, once } from '../store/sdk.ts';
import type { StoredValue } from '../store/store-provider.ts';
import { createStoreProvider } from '../store/store-provider.ts';
import { azureCredential, marked } from './credential.ts';
import { explainAzure } from './failures.ts';
import type { AzureProviderOptions } from './options.ts';
import { refusalPolicy } from './refusal.ts';
import { azureIdentity, vaultUrlOf } from './options.ts';

const NAME = 'azure-kv';

/** `secret:db-password` is the newest version of the secret of that name in the vault. */
export function createAzureProvider(options: AzureProviderOptions = {}): SecretProvider {
  const { env = {}, clock = systemClock() } = options;
  let close: (() => void) | undefined;
  const open = once(async () => {
    const url = vaultUrlOf(options);
    const sdk = await loadSdk(NAME, '@azure/keyvault-secrets', () => import('@azure/keyvault-secrets'));
    const ca = await authorities(options.ca, env, ['REQUESTS_CA_BUNDLE']);
    const proxy = options.proxy ?? proxyFor(new URL(url).hostname, env);
    // With a proxy of its own the SDK would ignore the authorities.
    const agent = httpsAgent({ ...(ca === undefined ? {} : { ca }), ...(proxy === undefined ? {} : { proxy }) });
    const credential = marked(await azureCredential(options, { agent, ca }));
    close = () => agent.destroy();
    return new sdk.SecretClient(url, credential, {
      agent,
      additionalPolicies: [{ policy: refusalPolicy, position: 'perCall' }],
      disableChallengeResourceVerification: options.trustAnyAuthority ?? false,
      // The resolver repeats calls, and knows what the vault asked for.
      retryOptions: { maxRetries: 0 },
    });
  });
  const describe = (): SecretProviderDescription => ({
    name: NAME,
    location: `Azure Key Vault ${options.vaultUrl ?? env['AZURE_KEY_VAULT_NAME'] ?? 'without a name'}`,
    identity: azureIdentity(options),
  });
  const read = async (id: string, { version }: SecretSelection, abortSignal: AbortSignal): Promise<StoredValue> => {
    const client = await open();
    const { value, properties } = await client.getSecret(id, {
      abortSignal,
      ...(version === undefined ? {} : { version }),
    });
    return { value, ...(properties.version === undefined ? {} : { version: properties.version }) };
  };
  return createStoreProvider(
    {
      name: NAME,
      selectors: ['version'],
      describe,
      read,
      explain: (error, id) =>
        explainAzure(error, { about: describe(), id, vaultUrl: vaultUrlOf(options), now: clock.now() }),
      close: () => close?.(),
    },
    options,
  );
}
