import { secretError, shownId } from '../errors.ts';
import type { NetworkOptions } from '../store/network.ts';
import type { StoreOptions } from '../store/store-provider.ts';

/** As the SDK takes them; no type of the SDK's, so that this door compiles without it. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/**
 * Where secrets are in AWS. From `env`: AWS_DEFAULT_REGION (the one OpenMetadata's library reads) or AWS_REGION,
 * AWS_ENDPOINT_URL and its variants for one service, AWS_CA_BUNDLE, HTTPS_PROXY and NO_PROXY.
 *
 * Credentials are found by the SDK's own chain, which reads the environment and files of the process itself: access
 * keys, web identity (IRSA), the container endpoint (EKS Pod Identity, ECS), profiles, the instance.
 */
export interface AwsProviderOptions extends StoreOptions, NetworkOptions {
  readonly region?: string;
  /** URL of another endpoint: a VPC endpoint, LocalStack, moto. */
  readonly endpoint?: string;
  /** Credentials, or a function that gives them, instead of the SDK's chain. */
  readonly credentials?: AwsCredentials | (() => Promise<AwsCredentials>);
}

export type AwsService = 'secretsmanager' | 'ssm';

export interface AwsPlace {
  readonly region: string;
  readonly endpoint?: string;
}

const REGION = /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/;
const ENDPOINT_VARIABLES: Readonly<Record<AwsService, string>> = {
  secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  ssm: 'AWS_ENDPOINT_URL_SSM',
};

/** The region as configured, right or wrong; empty when there is none. */
export function regionOf({ region, env = {} }: AwsProviderOptions): string {
  return region || env['AWS_DEFAULT_REGION'] || env['AWS_REGION'] || '';
}

/** Region and endpoint; an error `secret_misconfigured` when there is no region or it is none. */
export function awsPlace(provider: string, service: AwsService, options: AwsProviderOptions): AwsPlace {
  const { env = {} } = options;
  const region = regionOf(options);
  if (region === '') {
    throw secretError('secret_misconfigured', 'no AWS region is set', {
      provider,
      hint: 'set AWS_DEFAULT_REGION, the variable that the ingestion library reads',
    });
  }
  if (!REGION.test(region)) {
    const zone = /^(.*-\d{1,2})[a-z]$/.exec(region)?.[1];
    throw secretError('secret_misconfigured', `${shownId(region)} is not an AWS region`, {
      provider,
      hint: zone === undefined ? 'a region is written like eu-west-1' : `it is a zone; its region is ${zone}`,
    });
  }
  const endpoint = options.endpoint || env[ENDPOINT_VARIABLES[service]] || env['AWS_ENDPOINT_URL'];
  if (endpoint !== undefined && endpoint !== '' && !/^https?:\/\/[^/]/.test(endpoint)) {
    throw secretError('secret_misconfigured', 'the endpoint of AWS is not an http:// or https:// URL', {
      provider,
      hint: 'write it as https://host',
    });
  }
  return {
    region,
    ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }),
  };
}

/** Which credentials the SDK's chain will take, as far as the environment tells. */
export function awsIdentity({ env = {}, credentials }: AwsProviderOptions): string {
  if (credentials !== undefined) return 'the credentials given by the program';
  const key = env['AWS_ACCESS_KEY_ID'];
  if (key) return `access key ${key.slice(0, 4)}…${key.length > 12 ? key.slice(-4) : ''}`;
  if (env['AWS_PROFILE']) return `profile ${env['AWS_PROFILE']}`;
  if (env['AWS_WEB_IDENTITY_TOKEN_FILE']) return `role ${env['AWS_ROLE_ARN'] ?? 'unset'} by web identity (IRSA)`;
  if (env['AWS_CONTAINER_CREDENTIALS_FULL_URI']) return 'the role of EKS Pod Identity or of the container';
  if (env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']) return 'the role of the ECS task';
  return "what the SDK's chain finds (profile files, instance role)";
}

/** `aws`, `aws-cn`, `aws-us-gov`: the first part of an ARN. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
