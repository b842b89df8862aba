import { Agent as HttpAgent } from 'node:http';
import type { Agent } from 'node:https';
import { closedForGood } from '../store/closing.ts';
import { authorities, httpsAgent, proxyFor } from '../store/network.ts';
import { DEFAULT_CALL_TIMEOUT_MS } from '../store/store-provider.ts';
import type { AwsPlace, AwsProviderOptions, AwsService } from './options.ts';

/** What the constructors of both SDK clients take from us. */
export interface ClientConfiguration {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: NonNullable<AwsProviderOptions['credentials']>;
  /** The resolver repeats calls, and knows what the store asked for. */
  readonly maxAttempts: 1;
  /** Calls for credentials to STS take them as well. */
  readonly requestHandler: {
    readonly httpAgent: HttpAgent;
    readonly httpsAgent: Agent;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly socketTimeout: number;
    readonly throwOnRequestTimeout: true;
  };
}

export interface CloseableAgent {
  readonly configuration: ClientConfiguration;
  readonly close: () => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A call is bounded by its signal; one for credentials hears no signal, and ends so long after nobody waits for it. */
const ABANDONED_MS = 1_000;

export async function clientConfiguration(
  service: AwsService,
  { region, endpoint }: AwsPlace,
  { env = {}, ca, proxy, credentials, callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS }: AwsProviderOptions,
): Promise<CloseableAgent> {
  const host = endpoint === undefined ? `${service}.${region}.amazonaws.com` : new URL(endpoint).hostname;
  const trusted = await authorities(ca, env, ['AWS_CA_BUNDLE']);
  const through = proxy ?? proxyFor(host, env);
  const agent = httpsAgent({
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...(through === undefined ? {} : { proxy: through }),
  });
  const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  return {
    configuration: {
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
      maxAttempts: 1,
      requestHandler: {
        httpAgent,
        httpsAgent: agent,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: callTimeoutMs + ABANDONED_MS,
        socketTimeout: callTimeoutMs + ABANDONED_MS,
        // Without it the SDK only prints a warning and waits on.
        throwOnRequestTimeout: true,
      },
    },
    // A call for credentials that nobody waits for any more is repeated by the SDK, and would keep the process.
    close: () => {
      closedForGood(agent);
      closedForGood(httpAgent);
    },
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
