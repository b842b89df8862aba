import { createHash, X509Certificate } from 'node:crypto';
import { kubeError } from '../errors.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, whatever stands around them. Throws `kube_config_invalid` when there is none, or a broken one. */
export function certificatesOf(pem: string, where: string): readonly X509Certificate[] {
  const blocks = [...pem.matchAll(BLOCK)].map((match) => match[0]);
  if (blocks.length === 0) {
    throw kubeError('kube_config_invalid', `${where} holds no PEM certificate`, {
      hint: 'It must contain -----BEGIN CERTIFICATE-----; in a kubeconfig the -data fields are base64 of that.',
    });
  }
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw kubeError('kube_config_invalid', `a certificate in ${where} cannot be read`, {
        cause: error,
        hint: 'Copy it again; a part of it may be missing.',
      });
    }
  });
}

/**
 * What names a cluster: SHA-256 (hex) over its certificate authorities, in any order and however the PEM is wrapped; of
 * the URL where there are none.
 */
export function clusterIdOf(server: string, certificateAuthority: string | undefined, where: string): string {
  const hash = createHash('sha256');
  if (certificateAuthority === undefined) return hash.update(server).digest('hex');
  const all = certificatesOf(certificateAuthority, where).map((one) => one.raw.toString('base64'));
  for (const one of [...new Set(all)].sort()) hash.update(one).update('\n');
  return hash.digest('hex');
}

/** Throws `kube_config_invalid` when a client certificate is of no use now. @param now wall clock, milliseconds */
export function checkClientCertificate(pem: string, where: string, now: number): void {
  const [leaf] = certificatesOf(pem, where);
  if (leaf === undefined) return;
  if (Date.parse(leaf.validTo) < now) {
    throw kubeError('kube_config_invalid', `${where} expired on ${isoDate(leaf.validTo)}`, {
      hint: 'Get a new kubeconfig (or client certificate) from the cluster; this one cannot be used any more.',
    });
  }
  if (Date.parse(leaf.validFrom) > now) {
    throw kubeError('kube_config_invalid', `${where} is not valid before ${isoDate(leaf.validFrom)}`, {
      hint: 'Check the clock of this machine.',
    });
  }
}

const isoDate = (date: string): string => new Date(Date.parse(date)).toISOString();
