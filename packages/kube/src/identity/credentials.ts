import { createSecureContext } from 'node:tls';
import type { Clock } from '@runner/core';
import { kubeError } from '../errors.ts';
import { checkClientCertificate } from './certificates.ts';
import type { KubeconfigUser, Material } from './kubeconfig-file.ts';
import type { ReadFile } from './token-file.ts';
import { checkedToken, tokenFile } from './token-file.ts';

/** What a request is made with. */
export interface Credential {
  readonly authorization?: string;
  readonly clientCertificate?: ClientCertificate;
}

export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** @param refresh the last one was refused: get it anew from where it comes from */
export type CredentialSource = (refresh: boolean) => Promise<Credential>;

/** Tokens, token files, client certificates and passwords that stand in a kubeconfig. Checked before the first use. */
export async function plainCredentials(
  user: KubeconfigUser,
  readFile: ReadFile,
  clock: Clock,
): Promise<CredentialSource> {
  const header = headerOf(user, readFile, clock);
  const read = async (): Promise<ClientCertificate | undefined> => {
    const { certificate, key, name } = user;
    if (certificate === undefined && key === undefined) return undefined;
    if (certificate === undefined || key === undefined) {
      throw kubeError('kube_config_invalid', `user "${name}" has a client certificate or its key, but not both`, {
        hint: 'Complete client-certificate and client-key, or fetch the kubeconfig again.',
      });
    }
    const pair = { certificate: await loaded(certificate, readFile), key: await loaded(key, readFile) };
    checkPair(pair, certificate.where, clock.now());
    return pair;
  };
  let clientCertificate = await read();
  await header(false);
  return async (refresh) => {
    // The files may have been renewed since.
    if (refresh) clientCertificate = await read();
    const authorization = await header(refresh);
    return {
      ...(authorization === undefined ? {} : { authorization }),
      ...(clientCertificate === undefined ? {} : { clientCertificate }),
    };
  };
}

/** The text of a PEM; `kube_config_invalid` when its file cannot be read. */
export async function loaded(material: Material, readFile: ReadFile): Promise<string> {
  if (material.kind === 'text') return material.text;
  try {
    return await readFile(material.path);
  } catch (error) {
    throw kubeError('kube_config_invalid', `${material.path}, the ${material.where}, cannot be read`, {
      cause: error,
      hint: 'Check that the file exists and that this process may read it.',
    });
  }
}

/** Throws `kube_config_invalid` when the certificate is not valid now, or the key is not its own. */
export function checkPair(pair: ClientCertificate, where: string, now: number): void {
  checkClientCertificate(pair.certificate, where, now);
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key });
  } catch (error) {
    throw kubeError('kube_config_invalid', `the key beside the ${where} cannot be used`, {
      cause: error,
      hint: 'It must be the PEM key of that certificate, without a password.',
    });
  }
}

/** A token file goes before a token, as with kubectl. */
function headerOf(
  user: KubeconfigUser,
  readFile: ReadFile,
  clock: Clock,
): (refresh: boolean) => Promise<string | undefined> {
  if (user.tokenFile !== undefined) {
    const file = tokenFile(user.tokenFile, readFile, clock);
    return async (refresh) => `Bearer ${await file.token(refresh)}`;
  }
  const fixed = fixedHeader(user);
  return () => Promise.resolve(fixed);
}

function fixedHeader({ name, token, basic }: KubeconfigUser): string | undefined {
  if (token !== undefined) return `Bearer ${checkedToken(token, `the token of user "${name}"`)}`;
  if (basic === undefined) return undefined;
  return `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`;
}
