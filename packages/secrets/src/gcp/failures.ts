import type { SecretErrorCode } from '../errors.ts';
import type { SecretProviderDescription } from '../provider.ts';
import { storeFailure, unforeseen } from '../store/failure.ts';
import { networkFailure } from '../store/network-failures.ts';
import { factsOf } from '../store/store-provider.ts';
import { TokenFailure } from './client.ts';

export interface GcpWhere {
  readonly about: SecretProviderDescription;
  readonly id: string;
  readonly project: string;
}

/** What the SDK throws: a numeric status of gRPC and its text. */
interface GrpcError {
  readonly code?: unknown;
  readonly details?: unknown;
  readonly message?: string;
  readonly metadata?: { get(name: string): readonly unknown[] };
}

export function explainGcp(error: unknown, where: GcpWhere): Error {
  if (error instanceof TokenFailure) return explainToken(error.cause, where);
  const { code, details, message = '' } = (error ?? {}) as GrpcError;
  if (typeof code !== 'number') return explainOther(error, where);
  // The text is looked at and never passed on.
  return byStatus(code, typeof details === 'string' ? details : message, error as GrpcError, where);
}

function explainOther(error: unknown, { about, id }: GcpWhere): Error {
  return networkFailure(error, about.location, { ...factsOf(about), id }) ?? unforeseen(about, id, error);
}

function byStatus(status: number, text: string, error: GrpcError, where: GcpWhere): Error {
  const { about, id, project } = where;
  const details = { status };
  const failure = (code: SecretErrorCode, message: string, hint?: string): Error =>
    storeFailure(about, id, { code, message, hint, details });
  switch (status) {
    case 5:
      return failure(
        'secret_not_found',
        /version/i.test(text) && !/latest/i.test(text)
          ? `the secret {id} of the project ${project} has no such version`
          : `there is no secret {id} with a version in the project ${project}`,
        'check the project and the name, and that the secret has a version; the id is the bare name',
      );
    case 9: {
      const state = /DESTROYED/i.test(text) ? 'destroyed' : 'disabled';
      return failure(
        'secret_disabled',
        `the newest version of the secret {id} is ${state}`,
        'enable it or add a new version',
      );
    }
    case 7:
      return denied(text, where);
    case 16:
      return storeFailure(about, id, {
        code: 'secret_forbidden',
        message: `Google does not accept the token of ${about.identity ?? 'this process'}`,
        hint: 'renew the credentials; check the clock of this host',
        details: { ...details, refused: 'credentials' },
      });
    case 3:
      return failure('secret_malformed_id', `Secret Manager does not take {id} as a name, or ${project} as a project`);
    case 8:
      return storeFailure(about, id, {
        code: 'secret_throttled',
        message: `the quota of the project ${project} for reading secrets is used up for now`,
        retryAfterMs: pushback(error),
        details,
      });
    case 1:
    case 4:
      return failure('secret_timed_out', `${about.location} did not answer in time`);
    case 14:
      if (/certificate|self.signed|SSL|TLS/i.test(text)) {
        return failure(
          'secret_misconfigured',
          `${about.location} cannot be trusted: its certificate is not signed by a known authority`,
          'give the certificate authority of your network with the option ca, or its file with GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
        );
      }
      return failure(
        'secret_unreachable',
        `${about.location} cannot be reached just now`,
        'check the network, the DNS and the proxy',
      );
    case 12:
      return failure('secret_misconfigured', `${about.location} is not Secret Manager`, 'check the endpoint');
    case 15:
      return failure('secret_integrity', 'the payload of the secret {id} is lost or damaged in the store');
    default:
      return failure('secret_unreachable', `${about.location} failed to answer (status ${status})`);
  }
}

function denied(text: string, { about, id, project }: GcpWhere): Error {
  const who = about.identity ?? 'this identity';
  if (/has not been used in project|it is disabled|SERVICE_DISABLED/i.test(text)) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: `the Secret Manager API is not enabled in the project ${project}`,
      hint: `gcloud services enable secretmanager.googleapis.com --project ${project}`,
      details: { status: 7 },
    });
  }
  return storeFailure(about, id, {
    code: 'secret_forbidden',
    message: `${who} may not access the secret {id} in the project ${project}`,
    permission: `secretmanager.versions.access on projects/${project}/secrets/${id} (roles/secretmanager.secretAccessor on the project ${project} or the secret)`,
    hint: `gcloud secrets add-iam-policy-binding ${id} --project ${project} --role roles/secretmanager.secretAccessor --member serviceAccount:…; Google answers the same for secrets that do not exist`,
    details: { status: 7 },
  });
}

/** How long the server asked to wait, in milliseconds. */
function pushback({ metadata }: GrpcError): number | undefined {
  const [said] = metadata?.get('grpc-retry-pushback-ms') ?? [];
  return typeof said === 'string' && /^\d{1,8}$/.test(said) ? Number(said) : undefined;
}

function explainToken(error: unknown, { about, id }: GcpWhere): Error {
  const {
    message = '',
    status,
    response,
  } = (error ?? {}) as {
    message?: string;
    status?: unknown;
    response?: { status?: unknown };
  };
  const details = { refused: 'credentials' };
  if (/Could not load the default credentials|does not exist|ENOENT|not a file|NO_ADC/i.test(message)) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: 'there are no Google credentials to read {id} with',
      hint: 'in GKE bind the Kubernetes service account to a Google one; elsewhere set GOOGLE_APPLICATION_CREDENTIALS or run gcloud auth application-default login',
      details,
    });
  }
  const network = networkFailure(error, 'what gives the Google token', { ...factsOf(about), id });
  if (network !== undefined) return network;
  const http = Number(status ?? response?.status ?? 0);
  if (
    /invalid_grant|invalid_client|unauthorized_client|permission/i.test(message) ||
    http === 400 ||
    http === 401 ||
    http === 403
  ) {
    return storeFailure(about, id, {
      code: 'secret_forbidden',
      message: `Google gives ${about.identity ?? 'this process'} no token`,
      hint: 'the key was deleted or disabled, the workload identity binding (roles/iam.workloadIdentityUser) is missing, or the clock of this host is wrong',
      details,
    });
  }
  if (http === 429 || http >= 500) {
    return storeFailure(about, id, {
      code: http === 429 ? 'secret_throttled' : 'secret_unreachable',
      message: 'what gives the Google token cannot answer just now',
      details,
    });
  }
  return storeFailure(about, id, {
    code: 'secret_misconfigured',
    message: 'the Google credentials cannot be used',
    hint: 'check the file that GOOGLE_APPLICATION_CREDENTIALS names',
    details,
  });
}
