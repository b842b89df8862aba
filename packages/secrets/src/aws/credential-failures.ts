import { storeFailure } from '../store/failure.ts';
import { errorCodes, networkFailure } from '../store/network-failures.ts';
import { factsOf } from '../store/store-provider.ts';
import type { AwsError, AwsWhere } from './failures.ts';

const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR']);

/** Why there were no credentials to ask with. */
export function explainCredentials(error: unknown, { about, id, env, action }: AwsWhere): Error {
  const { name = '', $metadata } = (error ?? {}) as AwsError;
  const facts = { ...factsOf(about), id };
  const details = { reason: name.slice(0, 64), refused: 'credentials' };
  const codes = errorCodes(error);
  const [file] = codes.filter((code) => NOT_THERE.has(code));
  if (file !== undefined) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: `the file with the web identity token or the credentials cannot be read (${file})`,
      hint: 'check AWS_WEB_IDENTITY_TOKEN_FILE and that the pod runs under the service account that is annotated with the role',
      details,
    });
  }
  const network = networkFailure(error, 'what gives the AWS credentials', { ...facts, details });
  if (network !== undefined) return network;
  const status = $metadata?.httpStatusCode ?? 0;
  if (status === 429 || status >= 500 || /Throttl|IDPCommunicationError|TooManyRequests/.test(name)) {
    return storeFailure(about, id, {
      code: status === 429 || /Throttl|TooMany/.test(name) ? 'secret_throttled' : 'secret_unreachable',
      message: `the credentials for reading {id} cannot be had just now (${name})`,
      details,
    });
  }
  if (status >= 400) {
    return storeFailure(about, id, {
      code: 'secret_forbidden',
      message: `${about.identity ?? 'this process'} gets no credentials from AWS (${name})`,
      permission: 'sts:AssumeRoleWithWebIdentity on the role',
      hint: 'the trust policy of the role must name the OIDC provider of this cluster and this namespace and service account; the token of the pod must not have expired',
      details,
    });
  }
  if (env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] || env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']) {
    return storeFailure(about, id, {
      code: 'secret_unreachable',
      message: 'the endpoint that gives the container its AWS credentials does not answer as it should',
      hint: 'check that the EKS Pod Identity agent runs on this node and that the service account has an association',
      details,
    });
  }
  return storeFailure(about, id, {
    code: 'secret_misconfigured',
    message: 'there are no AWS credentials to read {id} with',
    permission: action,
    hint: 'in EKS annotate the service account with a role (eks.amazonaws.com/role-arn) or give it a Pod Identity association; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile',
    details,
  });
}
