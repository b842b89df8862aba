import type { Agent } from 'node:https';
import { authorities, httpsAgent, proxyFor } from '../store/network.ts';
import type { AwsPlace, AwsProviderOptions, AwsService } from './options.ts';

/** What the constructors of both SDK clients take from us. */
export interface ClientConfiguration {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: NonNullable<AwsProviderOptions['credentials']>;
  /** The resolver repeats calls, and knows what the store asked for. */
  readonly maxAttempts: 1;
  readonly requestHandler: { readonly httpsAgent: Agent; readonly connectionTimeout: number };
}

export interface CloseableAgent {
  readonly configuration: ClientConfiguration;
  readonly close: () => void;
}

const CONNECT_TIMEOUT_MS = 5_000;

export async function clientConfiguration(
  service: AwsService,
  { region, endpoint }: AwsPlace,
  { env = {}, ca, proxy, credentials }: AwsProviderOptions,
): Promise<CloseableAgent> {
  const host = endpoint === undefined ? `${service}.${region}.amazonaws.com` : new URL(endpoint).hostname;
  const trusted = await authorities(ca, env, ['AWS_CA_BUNDLE']);
  const through = proxy ?? proxyFor(host, env);
  const agent = httpsAgent({
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...(through === undefined ? {} : { proxy: through }),
  });
  return {
    configuration: {
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
      maxAttempts: 1,
      // A request timeout of the SDK only prints a warning unless told otherwise; calls are bounded by their signal.
      requestHandler: { httpsAgent: agent, connectionTimeout: CONNECT_TIMEOUT_MS },
    },
    close: () => agent.destroy(),
  };
}

/** That the credentials could not be had, which is another matter than what the store says to them. */
export class CredentialsFailure extends Error {
  constructor(cause: unknown) {
    super('no credentials', { cause });
    this.name = 'CredentialsFailure';
  }
}

interface SigningClient {
  readonly config: { readonly credentials: () => Promise<unknown> };
}

/**
 * One call. The credentials are had first, so that their failures are told apart. When this host's clock is wrong the SDK
 * notices by the answer and corrects itself; the second call is that correction's.
 */
export async function sendOnce<T>(client: SigningClient, send: () => Promise<T>): Promise<T> {
  await client.config.credentials().catch((error: unknown) => {
    throw new CredentialsFailure(error);
  });
  try {
    return await send();
  } catch (error) {
    const { $metadata } = error as { readonly $metadata?: { readonly clockSkewCorrected?: boolean } };
    if ($metadata?.clockSkewCorrected !== true) throw error;
    return await send();
  }
}
