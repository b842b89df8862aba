/** Secrets in Azure Key Vault. Loading this door loads no SDK: `@azure/identity` and `@azure/keyvault-secrets` come with the first secret. */
export { createAzureProvider } from './azure/provider.ts';
export type { AzureCredential, AzureProviderOptions } from './azure/options.ts';
