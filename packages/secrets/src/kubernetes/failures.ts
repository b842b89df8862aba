import { retryAfterMs } from '@runner/core';
import { errorCodes, networkFailure } from '../store/network-failures.ts';
import { storeFailure, unforeseen } from '../store/failure.ts';
import { factsOf } from '../store/store-provider.ts';
import type { SecretProviderDescription } from '../provider.ts';
import type { ApiAnswer } from './request.ts';

/** An answer other than 200. */
export class ApiRefusal extends Error {
  readonly answer: ApiAnswer;

  constructor(answer: ApiAnswer) {
    super(`status ${answer.status}`);
    this.name = 'ApiRefusal';
    this.answer = answer;
  }
}

interface Where {
  readonly about: SecretProviderDescription;
  readonly id: string;
  readonly namespace: string;
  readonly now: number;
}

/** What the API server's refusal, or the way to it, means. */
export function explainKubernetes(error: unknown, where: Where): Error {
  if (error instanceof ApiRefusal) return explainRefusal(error.answer, where);
  const { about, id } = where;
  const known = networkFailure(error, about.location, {
    ...factsOf(about),
    id,
    caHint:
      'trust the authority that signed the certificate of the API server: ca.crt of the service account, or certificate-authority-data of the kubeconfig',
  });
  if (known !== undefined) return known;
  if (errorCodes(error).some((code) => code.startsWith('HPE_'))) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: `${about.location} did not answer in HTTP`,
      hint: 'check the address of the API server',
    });
  }
  return unforeseen(about, id, error);
}

function explainRefusal({ status, body, retryAfter }: ApiAnswer, { about, id, namespace, now }: Where): Error {
  const { reason, message } = statusObject(body);
  const details = { status, ...(reason === undefined ? {} : { reason }) };
  if (status === 404 && reason === 'NotFound') {
    return storeFailure(about, id, {
      code: 'secret_not_found',
      message: `there is no Secret {id} in the namespace ${namespace}`,
      hint: `kubectl create secret generic ${id} --namespace ${namespace} --from-literal=value=…; OpenMetadata's library would have gone on with an empty text`,
      details,
    });
  }
  if (status === 401) {
    return storeFailure(about, id, {
      code: 'secret_forbidden',
      message: `the API server does not accept the credential of ${about.identity ?? 'this process'}`,
      hint: 'the token has expired or is for another cluster; in a pod, check that the projected token is mounted and the clock of the node is right',
      details: { ...details, refused: 'credentials' },
    });
  }
  if (status === 403) return forbidden(about, id, namespace, message, details);
  if (status === 429) {
    return storeFailure(about, id, {
      code: 'secret_throttled',
      message: 'the API server asks to slow down while the Secret {id} is read',
      retryAfterMs: retryAfterMs(retryAfter, now),
      details,
    });
  }
  if (status >= 500) {
    return storeFailure(about, id, {
      code: 'secret_unreachable',
      message: `${about.location} cannot answer just now (status ${status})`,
      retryAfterMs: retryAfterMs(retryAfter, now),
      details,
    });
  }
  return storeFailure(about, id, {
    code: 'secret_misconfigured',
    message: `${about.location} answered with status ${status}, which is not how an API server answers for a Secret`,
    hint: 'check that the address is that of the API server and not of a proxy or portal in front of it',
    details,
  });
}

function forbidden(
  about: SecretProviderDescription,
  id: string,
  namespace: string,
  message: string,
  details: Readonly<Record<string, unknown>>,
): Error {
  // secrets "x" is forbidden: User "system:serviceaccount:ns:name" cannot get resource "secrets" …
  const identity = /User "([^"]{1,320})" cannot/.exec(message)?.[1] ?? about.identity;
  const who = identity ?? 'this account';
  return storeFailure(about, id, {
    code: 'secret_forbidden',
    message: `${who} may not get the Secret {id} in the namespace ${namespace}`,
    identity,
    permission: `get on secrets in the namespace ${namespace} for ${who}`,
    hint: `bind a Role with verbs: ["get"], resources: ["secrets"] in the namespace ${namespace}; OpenMetadata's library would have handed on the text of the reference as the password`,
    details,
  });
}

function statusObject(body: Buffer): { readonly reason?: string; readonly message: string } {
  try {
    const parsed = JSON.parse(body.toString('utf8')) as { kind?: unknown; reason?: unknown; message?: unknown } | null;
    if (parsed?.kind !== 'Status') return { message: '' };
    return {
      message: typeof parsed.message === 'string' ? parsed.message : '',
      ...(typeof parsed.reason === 'string' ? { reason: parsed.reason.slice(0, 64) } : {}),
    };
  } catch {
    return { message: '' };
  }
}
