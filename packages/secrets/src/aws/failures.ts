import { retryAfterMs } from '@runner/core';
import type { SecretProviderDescription } from '../provider.ts';
import type { SecretErrorCode } from '../errors.ts';
import { OFFICIAL_AWS_PREFIX, storeFailure, unforeseen } from '../store/failure.ts';
import { networkFailure } from '../store/network-failures.ts';
import { factsOf } from '../store/store-provider.ts';
import { CredentialsFailure } from './client.ts';
import { explainCredentials } from './credential-failures.ts';
import { partitionOf } from './options.ts';

/** What the SDK throws, as far as anything can be relied on: names, not classes. */
export interface AwsError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

export interface AwsWhere {
  readonly about: SecretProviderDescription;
  readonly id: string;
  readonly region: string;
  readonly service: 'secretsmanager' | 'ssm';
  /** What had to be allowed: `secretsmanager:GetSecretValue`. */
  readonly action: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: number;
}

const NAMES: Readonly<Record<string, SecretErrorCode | 'credentials' | 'kms' | 'request'>> = {
  ResourceNotFoundException: 'secret_not_found',
  ParameterNotFound: 'secret_not_found',
  ParameterVersionNotFound: 'secret_not_found',
  AccessDeniedException: 'secret_forbidden',
  AccessDenied: 'secret_forbidden',
  ExpiredTokenException: 'credentials',
  ExpiredToken: 'credentials',
  UnrecognizedClientException: 'credentials',
  InvalidClientTokenId: 'credentials',
  InvalidSignatureException: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  IncompleteSignature: 'credentials',
  MissingAuthenticationTokenException: 'credentials',
  RequestExpired: 'credentials',
  RequestTimeTooSkewed: 'credentials',
  AuthFailure: 'credentials',
  OptInRequired: 'credentials',
  NotAuthorized: 'secret_forbidden',
  DecryptionFailure: 'kms',
  InvalidKeyId: 'kms',
  KMSAccessDeniedException: 'kms',
  InvalidRequestException: 'request',
  InvalidParameterException: 'secret_malformed_id',
  ValidationException: 'secret_malformed_id',
  ThrottlingException: 'secret_throttled',
  Throttling: 'secret_throttled',
  ThrottledException: 'secret_throttled',
  RequestThrottled: 'secret_throttled',
  RequestThrottledException: 'secret_throttled',
  TooManyRequestsException: 'secret_throttled',
  RequestLimitExceeded: 'secret_throttled',
  LimitExceededException: 'secret_throttled',
  SlowDown: 'secret_throttled',
  InternalServiceError: 'secret_unreachable',
  InternalServerError: 'secret_unreachable',
  InternalFailure: 'secret_unreachable',
  ServiceUnavailable: 'secret_unreachable',
  ServiceUnavailableException: 'secret_unreachable',
  UnknownOperationException: 'secret_misconfigured',
};

export function explainAws(error: unknown, where: AwsWhere): Error {
  if (error instanceof CredentialsFailure) return explainCredentials(error.cause, where);
  const { name = '', message = '', $metadata } = (error ?? {}) as AwsError;
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (known !== undefined) return named(known, name, message, error as AwsError, where);
  const { about, id } = where;
  const network = networkFailure(error, about.location, {
    ...factsOf(about),
    id,
    caHint: 'give the authority of your network or endpoint with the option ca, or its file with AWS_CA_BUNDLE',
  });
  if (network !== undefined) return network;
  if (name === 'TimeoutError') {
    return storeFailure(about, id, { code: 'secret_timed_out', message: `${about.location} did not answer in time` });
  }
  const status = $metadata?.httpStatusCode;
  if (status === undefined) return unforeseen(about, id, error);
  return unreadable(status, error as AwsError, where);
}

/** An answer whose form is not that of AWS, or that carries no name: its status must do. */
function unreadable(status: number, error: AwsError, where: AwsWhere): Error {
  const { about, id } = where;
  if (status === 429) return named('secret_throttled', 'status 429', '', error, where);
  if (status >= 500) return named('secret_unreachable', `status ${status}`, '', error, where);
  if (status === 401 || status === 403) return named('secret_forbidden', `status ${status}`, '', error, where);
  return storeFailure(about, id, {
    code: 'secret_provider_failed',
    message: `${about.location} gave an answer that cannot be read (status ${status})`,
    hint: 'check that the endpoint is that of AWS and not of a proxy or a portal in front of it',
    details: { status },
  });
}

function named(
  kind: SecretErrorCode | 'credentials' | 'kms' | 'request',
  name: string,
  message: string,
  error: AwsError,
  where: AwsWhere,
): Error {
  const { about, id, now } = where;
  const requestId = error.$metadata?.requestId;
  const details = { reason: name, ...(requestId === undefined ? {} : { requestId }) };
  const failure = (code: SecretErrorCode, text: string, hint?: string): Error =>
    storeFailure(about, id, { code, message: text, hint, details });
  switch (kind) {
    case 'secret_not_found':
      return notFound(name, message, where, details);
    case 'secret_forbidden':
      return forbidden(message, where, details);
    case 'credentials':
      return credentialsRefused(name, message, where, details);
    case 'kms':
      return storeFailure(about, id, {
        code: 'secret_forbidden',
        message: 'the key that encrypts {id} cannot be used to decrypt it',
        permission: 'kms:Decrypt on the key of the secret',
        hint: `allow ${about.identity ?? 'the role'} kms:Decrypt in the policy of the key and in its own; check that the key is enabled and not scheduled for deletion`,
        details,
      });
    case 'request':
      if (/marked (for deletion|deleted)|scheduled for deletion/i.test(message)) {
        return failure(
          'secret_disabled',
          'the secret {id} is scheduled for deletion',
          `aws secretsmanager restore-secret --secret-id ${id} brings it back`,
        );
      }
      return failure('secret_misconfigured', 'the secret {id} is in a state in which it cannot be read');
    case 'secret_throttled':
    case 'secret_unreachable': {
      const what = kind === 'secret_throttled' ? 'asks to slow down' : 'cannot answer just now';
      return storeFailure(about, id, {
        code: kind,
        message: `${about.location} ${what} (${name})`,
        retryAfterMs: retryAfterMs(error.$response?.headers?.['retry-after'], now),
        details,
      });
    }
    case 'secret_malformed_id':
      return failure(kind, `${about.location} does not take {id} as the name of a secret`);
    default:
      return failure(kind, `${about.location} does not know how to answer (${name})`, 'check the endpoint');
  }
}

function notFound(name: string, message: string, where: AwsWhere, details: Readonly<Record<string, unknown>>): Error {
  const { about, id, service, region } = where;
  const noVersion = name === 'ParameterVersionNotFound' || /staging label|version/i.test(message);
  const what = service === 'ssm' ? 'parameter' : 'secret';
  return storeFailure(about, id, {
    code: 'secret_not_found',
    message: noVersion
      ? `the ${what} {id} has no such version, or no value yet`
      : `there is no ${what} {id} in ${about.location}`,
    hint: noVersion
      ? 'put a value into it; only the newest one is read unless a selector says otherwise'
      : `check region (${region}), account and spelling: names are case-sensitive, and begin with / where that is part of the name; OpenMetadata's library would have handed on the text of the reference as the password`,
    details,
  });
}

/** IAM names the caller, the action and the resource. */
const DENIED = /User: (\S{1,320}) is not authorized to perform: ([a-zA-Z0-9:-]{3,80}) on resource: (\S{1,512})/;

function forbidden(message: string, where: AwsWhere, details: Readonly<Record<string, unknown>>): Error {
  const { about, id, service, action, region } = where;
  const said = DENIED.exec(message);
  const identity = said?.[1] ?? about.identity;
  const kms = said === null && /\bKMS\b/.test(message);
  const permission =
    said === null
      ? kms
        ? 'kms:Decrypt on the key of the secret'
        : `${action} on ${secretArn(service, region, identity, id)}`
      : `${said[2] ?? action} on ${(said[3] ?? '').startsWith('arn:') ? (said[3] ?? '') : secretArn(service, region, identity, id)}`;
  const hints = [`allow ${permission}`];
  if (service === 'secretsmanager' && !id.startsWith(OFFICIAL_AWS_PREFIX)) {
    hints.push(`the official Terraform module allows names below ${OFFICIAL_AWS_PREFIX} only`);
  }
  if (/explicit deny/i.test(message)) hints.push('a policy denies it explicitly, which no permission outweighs');
  hints.push('AWS answers the same for names that do not exist');
  return storeFailure(about, id, {
    code: 'secret_forbidden',
    message: `${identity ?? 'this identity'} may not read {id}: ${permission} is missing`,
    identity,
    permission,
    hint: hints.join('; '),
    details,
  });
}

/** The ARN a policy must name: Secrets Manager adds six characters to every name. */
export function secretArn(
  service: 'secretsmanager' | 'ssm',
  region: string,
  identity: string | undefined,
  id: string,
): string {
  const account = /^arn:[a-z-]+:(?:sts|iam)::(\d{12}):/.exec(identity ?? '')?.[1] ?? '<account>';
  const prefix = `arn:${partitionOf(region)}:${service}:${region}:${account}`;
  if (service === 'ssm')
    return id.startsWith('arn:') ? id : `${prefix}:parameter/${id.replace(/^\//, '').replace(/:.*$/, '')}`;
  return `${prefix}:secret:${id}-??????`;
}

function credentialsRefused(
  name: string,
  message: string,
  { about, id }: AwsWhere,
  details: Readonly<Record<string, unknown>>,
): Error {
  const skewed = name === 'RequestTimeTooSkewed' || /signature (expired|not yet current)/i.test(message);
  const expired = !skewed && /expired/i.test(name);
  return storeFailure(about, id, {
    code: 'secret_forbidden',
    message: skewed
      ? 'AWS refuses the signature because the clock of this host is wrong'
      : `AWS does not accept the credentials of ${about.identity ?? 'this process'} (${name})`,
    hint: skewed
      ? 'set the clock of this host'
      : expired
        ? 'the session has expired: renew it, or use a role whose credentials renew themselves'
        : 'check the access key, its secret and the session token, and that they belong to this partition',
    details: { ...details, refused: 'credentials' },
  });
}
