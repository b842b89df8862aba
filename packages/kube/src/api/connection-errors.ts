import type { RunnerError } from '@runner/core';
import { messageOf } from '@runner/core';
import { kubeError } from '../errors.ts';
import type { About } from './request.ts';
import { describeAbout, detailsOf } from './request.ts';

/** What a failed connection means. */
export interface ConnectionVerdict {
  readonly error: RunnerError;
  /** False where another try cannot end differently: TLS that does not fit, a server that speaks something else. */
  readonly repeat: boolean;
}

/**
 * @param server for the message, without credentials
 * @param called what hints call it
 */
export function connectionError(about: About, server: string, failure: Error, called: string): ConnectionVerdict {
  const cause = failure.cause ?? failure;
  const code = codeOf(cause);
  const details = detailsOf(about);
  if (code.startsWith('HPE_')) {
    const error = kubeError('kube_protocol', `${describeAbout(about)}: ${server} does not speak HTTP as it should`, {
      cause,
      hint: `Check scheme and port of ${called}.`,
      details,
    });
    return { error, repeat: false };
  }
  const tls = tlsHint(code, cause, called);
  const hint = tls ?? nameHint(code, called);
  const error = kubeError(
    'kube_unreachable',
    `${describeAbout(about)}: no answer from ${server}: ${messageOf(cause)}`,
    {
      cause,
      ...(hint === undefined ? {} : { hint }),
      details,
    },
  );
  return { error, repeat: tls === undefined };
}

/** Names of OpenSSL's and Node's verdicts on a certificate. */
const UNTRUSTED =
  /^(?:UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_UNTRUSTED|CERT_SIGNATURE|CERT_REJECTED|INVALID_CA|CERT_CHAIN)/;

function tlsHint(code: string, cause: unknown, called: string): string | undefined {
  if (UNTRUSTED.test(code)) {
    return `The certificate of ${called} is not signed by the authority that the identity trusts: check the certificate authority.`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `The certificate of ${called} is for another name: correct the address, or set tls-server-name.`;
  }
  if (code === 'CERT_HAS_EXPIRED') return `The certificate of ${called} has expired: renew it.`;
  if (code === 'CERT_NOT_YET_VALID') return `The certificate of ${called} is not valid yet: check the clocks.`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    // What OpenSSL makes of the words of a server that does not encrypt.
    return /wrong version number|packet length too long/.test(messageOf(cause))
      ? 'The server does not speak TLS there: check the port, and whether https should be http.'
      : 'TLS could not be agreed on: check that the address is https, and the client certificate.';
  }
  return undefined;
}

function nameHint(code: string, called: string): string | undefined {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `The name of ${called} is not known: check address and DNS.`;
  }
  if (code === 'ECONNREFUSED') return 'Nothing listens there: is the server up, and the port right?';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ETIMEDOUT') {
    return `There is no way to ${called}: check routes, network policies and firewalls.`;
  }
  return undefined;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
