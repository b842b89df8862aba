import { storeFailure } from '../store/failure.ts';
import { errorCodes, networkFailure } from '../store/network-failures.ts';
import { factsOf } from '../store/store-provider.ts';
import type { AzureWhere } from './failures.ts';

/** What Entra's numbers mean, for the ones that setting up an identity meets. */
const ENTRA: Readonly<Record<string, string>> = {
  AADSTS70021: 'no federated credential of the identity fits this service account: check issuer, subject and audience',
  AADSTS700211: 'the issuer of the token is not that of a federated credential: check the OIDC issuer of the cluster',
  AADSTS700212: 'the audience of the token is not that of the federated credential: it is api://AzureADTokenExchange',
  AADSTS700213: 'the subject is not that of a federated credential: it is system:serviceaccount:<namespace>:<name>',
  AADSTS700016: 'there is no such application in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID',
  AADSTS700024: 'the token of the service account has expired: check that it is projected, and the clock',
  AADSTS7000215: 'the client secret is wrong',
  AADSTS7000222: 'the client secret has expired',
  AADSTS90002: 'there is no such tenant: check AZURE_TENANT_ID',
};

/** Why there was no token to ask with. */
export function explainCredential(error: unknown, { about, id }: AzureWhere): Error {
  const { name = '', message = '' } = (error ?? {}) as { name?: string; message?: string };
  const who = about.identity ?? 'this process';
  const codes = errorCodes(error);
  if (codes.includes('ENOENT') || /ENOENT/.test(message)) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: 'the file with the token of the service account cannot be read (ENOENT)',
      hint: 'the pod needs the label azure.workload.identity/use: "true" and a service account annotated with the client id',
      details: { reason: name.slice(0, 64), refused: 'credentials' },
    });
  }
  if (/not configured to acquire tokens for tenant/i.test(message)) {
    return storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: `${about.location} is in another tenant than ${who}`,
      hint: 'set AZURE_TENANT_ID to the tenant of the vault',
      details: { reason: name.slice(0, 64), refused: 'credentials' },
    });
  }
  const entra = /AADSTS\d{4,8}/.exec(message)?.[0];
  if (entra !== undefined) {
    const hint = Object.hasOwn(ENTRA, entra) ? ENTRA[entra] : undefined;
    return storeFailure(about, id, {
      code: 'secret_forbidden',
      message: `Entra gives ${who} no token (${entra})`,
      hint: hint ?? `look ${entra} up in the list of Entra's error codes`,
      details: { reason: entra, refused: 'credentials' },
    });
  }
  const network = networkFailure(error, 'what gives the Azure token', { ...factsOf(about), id });
  if (network !== undefined) return network;
  if (/network_error|endpoints_resolution_error|ECONN|ENOTFOUND|EAI_AGAIN|timed? ?out|unresponsive/i.test(message)) {
    return storeFailure(about, id, {
      code: 'secret_unreachable',
      message: 'what gives the Azure token cannot be reached',
      hint: 'workload identity needs the authority (login.microsoftonline.com), managed identity the metadata address 169.254.169.254',
      details: { reason: name.slice(0, 64), refused: 'credentials' },
    });
  }
  return storeFailure(about, id, {
    code: 'secret_misconfigured',
    message: `there is no Azure token for ${who} (${name.slice(0, 64)})`,
    hint: 'in AKS label the pod azure.workload.identity/use: "true" and annotate its service account with azure.workload.identity/client-id; on a machine assign it a managed identity; AZURE_CLIENT_ID chooses one of several',
    details: { reason: name.slice(0, 64), refused: 'credentials' },
  });
}
