import type { TokenCredential } from '@azure/identity';
import type { Agent } from 'node:https';
import { Secret, isAbort, isRunnerError } from '@runner/core';
import type { Clock } from '@runner/core';
import { CredentialFailure, explainExchange, explainAcr } from './acr-failures.ts';
import { registryError } from './failures.ts';
import { postForm } from './network.ts';
import type { FormAnswer } from './network.ts';
import type { RegistryTokens } from './tokens.ts';

export interface AzureIdentity {
  readonly tenant: string | undefined;
  readonly client: string | undefined;
  readonly secret: Secret | undefined;
  readonly tokenFile: string | undefined;
  readonly authority: string | undefined;
}

export interface AcrOptions {
  readonly registry: string;
  readonly azure: AzureIdentity;
  readonly identity: string;
  /** PEM texts, for what the SDK connects to by itself. */
  readonly certificateAuthorities: readonly string[];
  readonly agent: Agent;
  readonly clock: Clock;
  /** Accepts authorities that Azure does not list, for disconnected clouds and tests. Default false. */
  readonly trustAnyAuthority?: boolean;
}

/** The name under which a registry of Azure takes its own tokens. */
const USERNAME = '00000000-0000-0000-0000-000000000000';
/** How long Azure says they last, for one that does not say it itself. */
const LIFETIME_MS = 3 * 3_600_000;

/** Whom the token of Entra is for, by the cloud that the registry is in. */
function scopeOf(registry: string): string {
  if (registry.endsWith('.azurecr.cn')) return 'https://management.chinacloudapi.cn/.default';
  if (registry.endsWith('.azurecr.us')) return 'https://management.usgovcloudapi.net/.default';
  return 'https://containerregistry.azure.net/.default';
}

/** Tokens of an Azure Container Registry: one of Entra, exchanged for a refresh token of the registry. */
export function createAcrTokens(options: AcrOptions): RegistryTokens {
  const { registry, azure, agent, clock, identity } = options;
  let credential: TokenCredential | undefined;
  // What makes a credential looks at names and numbers, and refuses them.
  const entraToken = async (abortSignal: AbortSignal) => {
    credential ??= await credentialOf(options);
    return await credential.getToken(scopeOf(registry), { abortSignal });
  };
  const token = async (signal: AbortSignal): Promise<Secret> => {
    const entra = await entraToken(signal).catch((error: unknown) => {
      throw new CredentialFailure(error);
    });
    if (entra === null) throw new CredentialFailure(new Error('no token'));
    const fields = {
      grant_type: 'access_token',
      service: registry,
      ...(azure.tenant === undefined ? {} : { tenant: azure.tenant }),
      access_token: entra.token,
    };
    const answer = await postForm(new URL(`https://${registry}/oauth2/exchange`), fields, { agent, signal });
    if (answer.status !== 200) throw explainExchange(answer, { registry, identity, now: clock.now() });
    return refreshToken(answer, registry);
  };
  return {
    kind: 'acr',
    identity,
    token: async (signal) => {
      try {
        const password = await token(signal);
        return { registry, username: USERNAME, password, expiresAt: expiryOf(password.reveal(), clock) };
      } catch (error) {
        if (signal.aborted || isAbort(error) || isRunnerError(error)) throw error;
        throw explainAcr(error, { registry, identity, now: clock.now() });
      }
    },
    close: () => agent.destroy(),
  };
}

/** In the order of the Azure SDKs: client secret, workload identity, then everything else. */
async function credentialOf(options: AcrOptions): Promise<TokenCredential> {
  const { azure, agent, certificateAuthorities: ca, trustAnyAuthority: disableInstanceDiscovery = false } = options;
  const { tenant, client, secret, tokenFile, authority } = azure;
  const sdk = await import('@azure/identity');
  const common = {
    disableInstanceDiscovery,
    ...(authority === undefined ? {} : { authorityHost: authority }),
    retryOptions: { maxRetries: 0 },
  };
  if (tenant !== undefined && client !== undefined && secret !== undefined) {
    return new sdk.ClientSecretCredential(tenant, client, secret.reveal(), { ...common, agent });
  }
  if (tenant !== undefined && client !== undefined && tokenFile !== undefined) {
    return new sdk.WorkloadIdentityCredential({
      ...common,
      agent,
      tenantId: tenant,
      clientId: client,
      tokenFilePath: tokenFile,
    });
  }
  // No agent here: what gives managed identities is plain HTTP, and never behind a proxy.
  return new sdk.DefaultAzureCredential({
    ...common,
    ...(ca.length === 0 ? {} : { tlsOptions: { ca: ca.join('\n') } }),
  });
}

function refreshToken({ body }: FormAnswer, registry: string): Secret {
  const value = fieldOf(body, 'refresh_token');
  if (typeof value === 'string' && value !== '') return new Secret(value);
  throw registryError('registry_unexpected_answer', `the registry ${registry} answered without a token`, {
    hint: 'check that DOCKER_REGISTRY names an Azure Container Registry, and whether a proxy changes answers',
  });
}

/** The expiry that the token, a JWT, says of itself. */
function expiryOf(token: string, clock: Clock): number {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
  const seconds = fieldOf(claims, 'exp');
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : clock.now() + LIFETIME_MS;
}

function fieldOf(json: string, name: string): unknown {
  try {
    return (JSON.parse(json) as Record<string, unknown> | null)?.[name];
  } catch {
    return undefined;
  }
}
