import type { ECRClient } from '@aws-sdk/client-ecr';
import { Agent as PlainAgent } from 'node:http';
import type { Agent } from 'node:https';
import { Secret } from '@runner/core';
import type { Clock } from '@runner/core';
import { CredentialsFailure, explainEcr } from './ecr-failures.ts';
import { registryError } from './failures.ts';
import type { RegistryToken, RegistryTokens } from './tokens.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}

export interface EcrOptions {
  readonly region: string;
  /** Host of the registry as images name it; undefined: the one that the answer names. */
  readonly registry: string | undefined;
  /** Undefined: the SDK's own chain (IRSA, Pod Identity, the instance), which reads the environment of the process. */
  readonly keys: AwsKeys | undefined;
  /** Another endpoint, such as a VPC endpoint. */
  readonly endpoint: string | undefined;
  readonly identity: string;
  readonly agent: Agent;
  readonly clock: Clock;
}

const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;

/** Tokens of Amazon ECR. The SDK is loaded with the first one. */
export function createEcrTokens(options: EcrOptions): RegistryTokens {
  const plain = new PlainAgent({ keepAlive: false });
  let client: ECRClient | undefined;
  return {
    kind: 'ecr',
    identity: options.identity,
    token: async (abortSignal) => {
      const { ECRClient: Client, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
      client ??= new Client(configuration(options, plain));
      const asked = client;
      try {
        await asked.config.credentials().catch((error: unknown) => {
          throw new CredentialsFailure(error);
        });
        const answer = await asked.send(new GetAuthorizationTokenCommand({}), { abortSignal });
        return tokenOf(answer.authorizationData?.[0], options.registry);
      } catch (error) {
        throw explainEcr(error, { ...options, now: options.clock.now() });
      }
    },
    close: () => {
      client?.destroy();
      options.agent.destroy();
      plain.destroy();
    },
  };
}

function configuration({ region, endpoint, keys, agent: httpsAgent }: EcrOptions, httpAgent: PlainAgent) {
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === undefined ? {} : { credentials: revealed(keys) }),
    // Tries are counted in one place, which knows what the registry asked for.
    maxAttempts: 1,
    requestHandler: {
      httpAgent,
      httpsAgent,
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      socketTimeout: ANSWER_MS,
      // Without it the SDK only prints a warning and waits on.
      throwOnRequestTimeout: true,
    },
  };
}

function revealed({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys) {
  return {
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  };
}

interface AuthorizationData {
  readonly authorizationToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
  readonly proxyEndpoint?: string | undefined;
}

function tokenOf(data: AuthorizationData | undefined, wanted: string | undefined): RegistryToken {
  const [username, ...rest] = Buffer.from(data?.authorizationToken ?? '', 'base64')
    .toString('utf8')
    .split(':');
  const password = rest.join(':');
  const endpoint = data?.proxyEndpoint ?? '';
  const registry = wanted ?? (URL.canParse(endpoint) ? new URL(endpoint).host : undefined);
  const expiresAt = data?.expiresAt?.getTime();
  if (!username || password === '' || registry === undefined || expiresAt === undefined || Number.isNaN(expiresAt)) {
    throw registryError('registry_unexpected_answer', 'Amazon ECR answered without a token that could be used', {
      hint: 'check what AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL names, and whether a proxy changes answers',
    });
  }
  return { registry, username, password: new Secret(password), expiresAt };
}
