import { errorChain, retryAfterMs } from '@runner/core';
import type { RegistryErrorCode } from './failures.ts';
import { codeOf, nameOf, networkFailure, registryError } from './failures.ts';
import type { FormAnswer } from './network.ts';

/** That there was no token of Entra to exchange. */
export class CredentialFailure extends Error {
  constructor(cause: unknown) {
    super('no token', { cause });
    this.name = 'CredentialFailure';
  }
}

export interface AcrWhere {
  readonly registry: string;
  readonly identity: string;
  readonly now: number;
}

/** What Entra's numbers mean, for the ones that setting up an identity meets. */
const ENTRA: Readonly<Record<string, readonly [RegistryErrorCode, string]>> = {
  AADSTS7000215: ['registry_wrong_credentials', 'the client secret is wrong: check AZURE_CLIENT_SECRET'],
  AADSTS700016: [
    'registry_wrong_credentials',
    'there is no such application in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID',
  ],
  AADSTS90002: ['registry_wrong_credentials', 'there is no such tenant: check AZURE_TENANT_ID'],
  AADSTS7000222: ['registry_credentials_expired', 'the client secret has expired: make another one'],
  AADSTS700024: [
    'registry_credentials_expired',
    'the token of the service account has expired: check that it is projected, and the clock',
  ],
  AADSTS70021: [
    'registry_forbidden',
    'no federated credential of the identity fits this service account: check issuer, subject and audience',
  ],
  AADSTS700211: [
    'registry_forbidden',
    'the issuer of the token is not that of a federated credential: check the OIDC issuer of the cluster',
  ],
  AADSTS700212: [
    'registry_forbidden',
    'the audience of the token is not that of the federated credential: it is api://AzureADTokenExchange',
  ],
  AADSTS700213: [
    'registry_forbidden',
    'the subject is not that of a federated credential: it is system:serviceaccount:<namespace>:<name>',
  ],
};

/** Why there was no token of Entra, or no way to the registry. */
export function explainAcr(error: unknown, where: AcrWhere): Error {
  const { registry, identity } = where;
  if (!(error instanceof CredentialFailure)) {
    return (
      networkFailure(error, `the registry ${registry}`) ??
      registryError('registry_unexpected_answer', `the registry ${registry} gave no token (${nameOf(error)})`)
    );
  }
  const texts = errorChain(error.cause).map((each) => (each as { message?: unknown }).message);
  const text = texts.filter((each) => typeof each === 'string').join('\n');
  const number = /AADSTS\d{4,8}/.exec(text)?.[0];
  if (number !== undefined) return entraRefusal(number, identity);
  if (errorChain(error.cause).some((each) => codeOf(each) === 'ENOENT') || /ENOENT/.test(text)) {
    return registryError(
      'registry_no_credentials',
      'the file with the token of the service account cannot be read (ENOENT)',
      {
        hint: 'the pod of the helper needs the label azure.workload.identity/use: "true", and its service account the annotation azure.workload.identity/client-id',
      },
    );
  }
  if (/invalid tenant/i.test(text)) {
    return registryError('registry_wrong_credentials', 'AZURE_TENANT_ID is not the name or number of a tenant', {
      hint: 'write the number of the directory (tenant), as Entra shows it',
    });
  }
  const network = networkFailure(error.cause, 'what gives the Azure token');
  if (network !== undefined) return network;
  if (/network_error|endpoints_resolution_error|ECONN|ENOTFOUND|EAI_AGAIN|timed? ?out|unresponsive/i.test(text)) {
    return registryError('registry_unreachable', 'what gives the Azure token cannot be reached', {
      hint: 'workload identity needs the authority (login.microsoftonline.com), managed identity the metadata address 169.254.169.254',
    });
  }
  return registryError('registry_no_credentials', `there is no Azure token for ${identity}`, {
    reason: nameOf(error.cause),
    hint: 'in AKS label the pod of the helper azure.workload.identity/use: "true" and annotate its service account with azure.workload.identity/client-id; elsewhere set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET',
  });
}

function entraRefusal(number: string, identity: string): Error {
  const known = Object.hasOwn(ENTRA, number) ? ENTRA[number] : undefined;
  const [code, hint] = known ?? ['registry_forbidden', `look ${number} up in the list of Entra's error codes`];
  return registryError(code, `Entra gives ${identity} no token (${number})`, { reason: number, hint });
}

/** What the registry said to the exchange. */
export function explainExchange({ status, retryAfter }: FormAnswer, { registry, identity, now }: AcrWhere): Error {
  const failed = (code: RegistryErrorCode, message: string, hint?: string): Error =>
    registryError(code, `${message} (status ${status})`, {
      status,
      ...(hint === undefined ? {} : { hint }),
      retryAfterMs: code === 'registry_throttled' ? retryAfterMs(retryAfter, now) : undefined,
    });
  if (status === 429) return failed('registry_throttled', `the registry ${registry} serves no more requests just now`);
  if (status >= 500) return failed('registry_unreachable', `the registry ${registry} fails`);
  if (status === 401) {
    return failed(
      'registry_wrong_credentials',
      `the registry ${registry} does not accept the token of ${identity}`,
      'the identity must be of the tenant of the registry; check AZURE_TENANT_ID',
    );
  }
  if (status === 403) {
    return failed(
      'registry_forbidden',
      `${identity} may not log in to the registry ${registry}`,
      'give it the role AcrPull on the registry, and let the firewall of the registry admit this network',
    );
  }
  return failed(
    'registry_unexpected_answer',
    `${registry} does not answer as an Azure Container Registry does`,
    'check DOCKER_REGISTRY',
  );
}
