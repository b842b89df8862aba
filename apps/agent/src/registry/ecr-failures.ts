import { errorChain, isAbort, isRunnerError, retryAfterMs } from '@runner/core';
import type { RegistryErrorCode } from './failures.ts';
import { codeOf, nameOf, networkFailure, registryError } from './failures.ts';

/** That the credentials could not be had, which is another matter than what ECR says to them. */
export class CredentialsFailure extends Error {
  constructor(cause: unknown) {
    super('no credentials', { cause });
    this.name = 'CredentialsFailure';
  }
}

export interface EcrWhere {
  readonly region: string;
  readonly identity: string;
  /** Undefined: the credentials are those of the pod's identity, and no variable holds them. */
  readonly keys: object | undefined;
  readonly now: number;
}

/** What the SDK throws, as far as anything can be relied on: names, not classes. */
interface AwsError {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

const NAMES: Readonly<Record<string, RegistryErrorCode>> = {
  UnrecognizedClientException: 'registry_wrong_credentials',
  InvalidClientTokenId: 'registry_wrong_credentials',
  InvalidSignatureException: 'registry_wrong_credentials',
  SignatureDoesNotMatch: 'registry_wrong_credentials',
  IncompleteSignature: 'registry_wrong_credentials',
  IncompleteSignatureException: 'registry_wrong_credentials',
  MissingAuthenticationTokenException: 'registry_wrong_credentials',
  AuthFailure: 'registry_wrong_credentials',
  InvalidIdentityToken: 'registry_wrong_credentials',
  InvalidIdentityTokenException: 'registry_wrong_credentials',
  ExpiredTokenException: 'registry_credentials_expired',
  ExpiredToken: 'registry_credentials_expired',
  RequestExpired: 'registry_credentials_expired',
  AccessDeniedException: 'registry_forbidden',
  AccessDenied: 'registry_forbidden',
  NotAuthorized: 'registry_forbidden',
  OptInRequired: 'registry_forbidden',
  RegionDisabledException: 'registry_forbidden',
  InvalidParameterException: 'registry_misconfigured',
  ValidationException: 'registry_misconfigured',
  UnknownOperationException: 'registry_misconfigured',
};
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded|LimitExceeded|SlowDown/;

export function explainEcr(error: unknown, where: EcrWhere): unknown {
  if (isAbort(error) || isRunnerError(error)) return error;
  if (error instanceof CredentialsFailure) return explainCredentials(error.cause, where);
  const service = `Amazon ECR in ${where.region}`;
  return networkFailure(error, service) ?? byAnswer(error, service, where) ?? unforeseen(error, service);
}

function byAnswer(error: unknown, service: string, where: EcrWhere): Error | undefined {
  const { now } = where;
  const { $metadata, $response } = (error ?? {}) as AwsError;
  const name = nameOf(error);
  const status = $metadata?.httpStatusCode;
  const facts = { reason: name, status };
  if (THROTTLED.test(name) || status === 429) {
    return registryError('registry_throttled', `${service} serves no more requests just now (${name})`, {
      ...facts,
      retryAfterMs: retryAfterMs($response?.headers?.['retry-after'], now),
      hint: 'too much is asked of ECR in this account; the next run of the job tries again',
    });
  }
  const code = NAMES[name];
  if (code === undefined) {
    if (status === undefined || status < 500) return undefined;
    return registryError('registry_unreachable', `${service} fails (status ${status})`, facts);
  }
  const hints = where.keys === undefined ? { ...HINTS, ...HINTS_WITHOUT_KEYS } : HINTS;
  return registryError(code, `${sentence(code, service, where)} (${name})`, { ...facts, hint: hints[code] ?? '' });
}

function sentence(code: RegistryErrorCode, service: string, { identity, keys }: EcrWhere): string {
  switch (code) {
    case 'registry_wrong_credentials':
      return `AWS does not know ${identity}${keys === undefined ? '' : ', or its secret is wrong'}`;
    case 'registry_credentials_expired':
      return `the credentials of ${identity} have expired`;
    case 'registry_forbidden':
      return `${identity} may not have a token of ${service}`;
    default:
      return `${service} does not understand the request`;
  }
}

const HINTS: Readonly<Partial<Record<RegistryErrorCode, string>>> = {
  registry_wrong_credentials:
    'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, both of the same key and without blanks or quotes, and the clock of the node',
  registry_credentials_expired:
    'renew them; temporary keys (with AWS_SESSION_TOKEN) do not last, use IRSA or EKS Pod Identity instead',
  registry_forbidden:
    'allow it ecr:GetAuthorizationToken on resource "*", and the pulls themselves on the repositories',
  registry_misconfigured: 'check AWS_REGION and what AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL names',
};

/** Of IRSA, EKS Pod Identity, the role of a node. */
const HINTS_WITHOUT_KEYS: typeof HINTS = {
  registry_wrong_credentials:
    'check that the role exists and, for IRSA, that the OIDC provider of this cluster is one of IAM in the account of the role; and the clock of the node',
  registry_credentials_expired:
    'the token of the service account is renewed by itself: check the clock of the node, and let the job run again',
};

const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR']);

/** Why there were no credentials to ask with. */
function explainCredentials(error: unknown, where: EcrWhere): Error {
  const file = errorChain(error)
    .map(codeOf)
    .find((code) => NOT_THERE.has(code));
  if (file !== undefined) {
    return registryError('registry_no_credentials', `the file with the web identity token cannot be read (${file})`, {
      reason: file,
      hint: 'check AWS_WEB_IDENTITY_TOKEN_FILE, and that the service account of the helper is annotated with eks.amazonaws.com/role-arn',
    });
  }
  const network = networkFailure(error, 'what gives the AWS credentials');
  if (network !== undefined) return network;
  const status = ((error ?? {}) as AwsError).$metadata?.httpStatusCode;
  const name = nameOf(error);
  if (name === 'IDPCommunicationError' || (status !== undefined && status >= 500)) {
    return registryError('registry_unreachable', `what gives the AWS credentials cannot answer just now (${name})`, {
      reason: name,
      status,
    });
  }
  if (name === 'AccessDenied' || name === 'AccessDeniedException') {
    return registryError(
      'registry_forbidden',
      `${where.identity} may not be assumed by this service account (${name})`,
      {
        reason: name,
        status,
        hint: 'the trust policy of the role must name the OIDC provider of this cluster and this namespace and service account',
      },
    );
  }
  return (
    byAnswer(error, 'AWS STS', where) ??
    registryError('registry_no_credentials', `there are no AWS credentials to ask Amazon ECR with (${name})`, {
      reason: name,
      status,
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or annotate the service account of the helper with a role (eks.amazonaws.com/role-arn), or give it an EKS Pod Identity association',
    })
  );
}

function unforeseen(error: unknown, service: string): Error {
  return registryError(
    'registry_unexpected_answer',
    `${service} gave no token (${nameOf(error) || 'no reason given'})`,
    {
      reason: nameOf(error),
      status: ((error ?? {}) as AwsError).$metadata?.httpStatusCode,
    },
  );
}
