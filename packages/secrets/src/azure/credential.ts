import type { TokenCredential } from '@azure/identity';
import type { Agent } from 'node:https';
import { loadSdk } from '../store/sdk.ts';
import type { AzureProviderOptions } from './options.ts';

interface Reaching {
  readonly agent: Agent;
  readonly ca: string | undefined;
}

/** The credential in the order of the Python library: client secret, workload identity, then everything else. */
export async function azureCredential(
  options: AzureProviderOptions,
  { agent, ca }: Reaching,
): Promise<TokenCredential> {
  const { env = {}, credential, trustAnyAuthority: disableInstanceDiscovery = false } = options;
  if (credential !== undefined) return credential;
  const sdk = await loadSdk('azure-kv', '@azure/identity', () => import('@azure/identity'));
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client, AZURE_CLIENT_SECRET: secret } = env;
  const file = env['AZURE_FEDERATED_TOKEN_FILE'];
  const authority = env['AZURE_AUTHORITY_HOST'];
  const common = {
    disableInstanceDiscovery,
    ...(authority ? { authorityHost: authority } : {}),
    retryOptions: { maxRetries: 0 },
  };
  if (tenant && client && secret) return new sdk.ClientSecretCredential(tenant, client, secret, { ...common, agent });
  if (tenant && client && file) {
    return new sdk.WorkloadIdentityCredential({
      ...common,
      agent,
      tenantId: tenant,
      clientId: client,
      tokenFilePath: file,
    });
  }
  // No agent here: what gives managed identities is plain HTTP, and never behind a proxy.
  return new sdk.DefaultAzureCredential({ ...common, ...(ca === undefined ? {} : { tlsOptions: { ca } }) });
}

/** Remembers that it was the credential that failed, and not the vault. */
export class CredentialFailure extends Error {
  constructor(cause: unknown) {
    super('no token', { cause });
    this.name = 'CredentialFailure';
  }
}

/** The same credential, whose failures can be told from those of the vault. */
export function marked(credential: TokenCredential): TokenCredential {
  return {
    getToken: async (scopes, options) => {
      try {
        return await credential.getToken(scopes, options);
      } catch (error) {
        throw new CredentialFailure(error);
      }
    },
  };
}
