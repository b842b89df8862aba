import type { AuthClient } from 'google-auth-library';
import { Secret, errorChain, isAbort, isRunnerError, retryAfterMs } from '@runner/core';
import type { Clock } from '@runner/core';
import { networkFailure, registryError } from './failures.ts';
import type { RegistryTokens } from './tokens.ts';

export interface GarOptions {
  readonly registry: string;
  readonly project: string | undefined;
  readonly clock: Clock;
}

const USERNAME = 'oauth2accesstoken';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
/** How long Google says they last, for one that does not say it itself. */
const LIFETIME_MS = 3_600_000;
const IDENTITY = 'Application Default Credentials';

/**
 * Access tokens of Google for Artifact Registry. The SDK reads GOOGLE_APPLICATION_CREDENTIALS, the metadata server (GKE
 * workload identity) and the proxy by the environment of the process itself.
 */
export function createGarTokens({ registry, project, clock }: GarOptions): RegistryTokens {
  const identity = IDENTITY;
  let client: Promise<AuthClient> | undefined;
  const open = async (): Promise<AuthClient> => {
    const { GoogleAuth } = exportsOf(await import('google-auth-library'));
    // A project, whichever, keeps it from asking for one.
    const auth = new GoogleAuth({
      scopes: [SCOPE],
      projectId: project ?? 'unset',
      clientOptions: { transporterOptions: { retry: false } },
    });
    return await auth.getClient();
  };
  const ask = async () => {
    client ??= open();
    try {
      const opened = await client;
      const { token } = await opened.getAccessToken();
      return { token, expiresAt: opened.credentials.expiry_date ?? clock.now() + LIFETIME_MS };
    } catch (error) {
      client = undefined;
      throw error;
    }
  };
  return {
    kind: 'gar',
    identity,
    // The library hears no signal.
    token: async () => {
      try {
        const { token, expiresAt } = await ask();
        if (typeof token === 'string' && token !== '') {
          return { registry, username: USERNAME, password: new Secret(token), expiresAt };
        }
      } catch (error) {
        if (isAbort(error) || isRunnerError(error)) throw error;
        throw explain(error, clock.now());
      }
      throw registryError('registry_unexpected_answer', 'Google answered without an access token');
    },
    close: () => undefined,
  };
}

/** Of a CommonJS module: a bundle has them behind `default` alone. */
function exportsOf<T extends object>(module: T): T {
  return 'default' in module ? (module.default as T) : module;
}

interface GaxiosFailure {
  readonly message?: unknown;
  readonly status?: unknown;
  readonly response?: { readonly status?: unknown; readonly headers?: unknown };
}

function explain(error: unknown, now: number): Error {
  const chain = errorChain(error) as readonly GaxiosFailure[];
  const text = chain.map(({ message }) => (typeof message === 'string' ? message : '')).join('\n');
  if (
    /Could not load the default credentials|does not exist|ENOENT|not a file|NO_ADC|not valid JSON|PEM|DECODER/i.test(
      text,
    )
  ) {
    return registryError('registry_no_credentials', 'there are no Google credentials that could be used', {
      hint: 'in GKE bind the service account of the helper to one of Google (iam.gke.io/gcp-service-account); elsewhere let GOOGLE_APPLICATION_CREDENTIALS name a readable file of credentials',
    });
  }
  const network = networkFailure(error, 'what gives the Google token');
  if (network !== undefined) return network;
  const status = Number(chain.map((each) => each.response?.status ?? each.status).find(Boolean) ?? 0);
  if (status === 429) {
    const after = chain.map(({ response }) => headerOf(response?.headers, 'retry-after')).find(Boolean);
    return registryError('registry_throttled', 'Google gives no more tokens just now (status 429)', {
      status,
      retryAfterMs: retryAfterMs(after, now),
    });
  }
  if (status >= 500)
    return registryError('registry_unreachable', `what gives the Google token fails (status ${status})`, { status });
  if (/invalid_grant|invalid_client|unauthorized_client/.test(text) || status === 400 || status === 401) {
    return registryError('registry_wrong_credentials', 'Google does not accept the credentials', {
      status,
      hint: 'the key was deleted or disabled, or the clock of the node is wrong',
    });
  }
  if (status === 403 || status === 404) {
    return registryError('registry_forbidden', `Google gives ${IDENTITY} no token (status ${status})`, {
      status,
      hint: 'the workload identity binding is missing: roles/iam.workloadIdentityUser for the service account of the helper',
    });
  }
  return registryError('registry_unexpected_answer', 'the Google credentials gave no token', {
    hint: 'check the file that GOOGLE_APPLICATION_CREDENTIALS names',
  });
}

function headerOf(headers: unknown, name: string): string | undefined {
  return headers instanceof Headers ? (headers.get(name) ?? undefined) : undefined;
}
