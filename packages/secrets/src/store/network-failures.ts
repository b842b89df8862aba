import type { SecretErrorFacts } from '../errors.ts';
import { secretError } from '../errors.ts';

/** What the network said, whichever client was asked. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was broken off',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name cannot be resolved just now',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no network to it',
  EHOSTDOWN: 'it is down',
  ERR_STREAM_PREMATURE_CLOSE: 'the answer broke off',
  UND_ERR_SOCKET: 'the connection was closed',
};
const TIMED_OUT: ReadonlySet<string> = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);
const HINTS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'check the region, the name of the vault or the endpoint for a slip, and the DNS of this network',
  ECONNREFUSED: 'check the endpoint and its port, and whether a proxy must be used',
};
const TRUST =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER_CERT(_LOCALLY)?|VERIFY_LEAF_SIGNATURE)|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|INVALID_CA|HOSTNAME_MISMATCH)$/;

/** Code of the error for a proxy that does not tunnel, with its status behind. */
export const PROXY_REFUSED = 'ERR_PROXY_REFUSED_';

/** Codes on an error and its causes, outermost first; an AggregateError's as well. */
export function errorCodes(error: unknown): readonly string[] {
  const codes: string[] = [];
  const visit = (each: unknown, depth: number): void => {
    if (depth > 6 || typeof each !== 'object' || each === null) return;
    const { code, cause, errors } = each as { code?: unknown; cause?: unknown; errors?: unknown };
    if (typeof code === 'string') codes.push(code);
    if (Array.isArray(errors)) for (const inner of errors.slice(0, 8)) visit(inner, depth + 1);
    visit(cause, depth + 1);
  };
  visit(error, 0);
  return codes;
}

/** The error for a failure of the network or of TLS; undefined when it is neither. */
export function networkFailure(
  error: unknown,
  what: string,
  facts: SecretErrorFacts & { readonly caHint?: string },
): Error | undefined {
  const { caHint, ...about } = facts;
  for (const errno of errorCodes(error)) {
    if (errno.startsWith(PROXY_REFUSED)) return proxyRefused(Number(errno.slice(PROXY_REFUSED.length)), about);
    const details = { errno };
    if (TRUST.test(errno)) {
      return secretError('secret_misconfigured', `${what} cannot be trusted: TLS failed with ${errno}`, {
        ...about,
        details,
        hint: caHint ?? 'give the certificate authority of your network with the option ca',
      });
    }
    if (TIMED_OUT.has(errno)) {
      return secretError('secret_timed_out', `${what} did not answer in time (${errno})`, { ...about, details });
    }
    const said = UNREACHABLE[errno];
    if (said !== undefined) {
      const hint = HINTS[errno];
      return secretError('secret_unreachable', `${what} cannot be reached: ${said} (${errno})`, {
        ...about,
        details,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
  return undefined;
}

function proxyRefused(status: number, about: SecretErrorFacts): Error {
  return secretError(
    status >= 500 ? 'secret_unreachable' : 'secret_misconfigured',
    `the proxy refused the connection with status ${status}`,
    {
      ...about,
      details: { status },
      hint:
        status === 407
          ? 'the proxy wants a user and a password, or others than those in its URL'
          : 'allow the host of the store in the proxy, or reach it directly with NO_PROXY',
    },
  );
}

/** Milliseconds a Retry-After header asks for: seconds, or a date. Undefined for anything else. */
export function retryAfterMs(header: string | undefined | null, now: number): number | undefined {
  if (header === undefined || header === null) return undefined;
  const text = header.trim();
  if (/^\d{1,7}$/.test(text)) return Number(text) * 1_000;
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
