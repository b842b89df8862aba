import { secretError, shownId } from '../errors.ts';
import type { NetworkOptions } from '../store/network.ts';
import type { StoreOptions } from '../store/store-provider.ts';

/** A credential of `@azure/identity`, or of your own; no type of the SDK's, so that this door compiles without it. */
export interface AzureCredential {
  getToken(
    scopes: string | string[],
    options?: { readonly abortSignal?: AbortSignal; readonly tenantId?: string },
  ): Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

/**
 * Which vault, and as whom. From `env`: AZURE_KEY_VAULT_NAME (which OpenMetadata's library requires), AZURE_TENANT_ID and
 * AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST, REQUESTS_CA_BUNDLE,
 * HTTPS_PROXY and NO_PROXY. With neither secret nor token file the SDK's DefaultAzureCredential looks further, and reads
 * the environment of the process itself.
 */
export interface AzureProviderOptions extends StoreOptions, NetworkOptions {
  /** URL of the vault, for another cloud or a private endpoint. Default: https://<name>.vault.azure.net */
  readonly vaultUrl?: string;
  readonly credential?: AzureCredential;
  /**
   * Accepts that the vault asks for a token of another resource than its own domain, and authorities that Azure does not
   * list. For test servers and disconnected clouds: a vault that lies would get a token for somebody else.
   */
  readonly trustAnyAuthority?: boolean;
}

const VAULT_NAME = /^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$/;

/** URL of the vault, without a slash at the end. */
export function vaultUrlOf({ vaultUrl, env = {} }: AzureProviderOptions): string {
  if (vaultUrl !== undefined) {
    if (URL.canParse(vaultUrl) && new URL(vaultUrl).protocol === 'https:') return vaultUrl.replace(/\/+$/, '');
    throw secretError('secret_misconfigured', 'the URL of the vault is not an https:// URL', {
      provider: 'azure-kv',
      hint: 'write it as https://<name>.vault.azure.net',
    });
  }
  const name = env['AZURE_KEY_VAULT_NAME'] ?? '';
  if (VAULT_NAME.test(name)) return `https://${name}.vault.azure.net`;
  throw secretError(
    'secret_misconfigured',
    name === '' ? 'no Azure Key Vault is set' : `${shownId(name)} is not the name of an Azure Key Vault`,
    {
      provider: 'azure-kv',
      hint: 'set AZURE_KEY_VAULT_NAME to the bare name of the vault, without https:// and without its domain',
    },
  );
}

/** Which credential will be used, as far as the environment tells. */
export function azureIdentity({ env = {}, credential }: AzureProviderOptions): string {
  if (credential !== undefined) return 'the credential given by the program';
  const client = env['AZURE_CLIENT_ID'];
  if (client && env['AZURE_CLIENT_SECRET']) return `application ${client} by client secret`;
  if (client && env['AZURE_FEDERATED_TOKEN_FILE']) return `client ${client} by workload identity`;
  return client ? `managed identity ${client}` : 'what DefaultAzureCredential finds (managed identity, Azure CLI)';
}
