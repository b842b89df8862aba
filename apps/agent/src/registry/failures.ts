import type { RunnerError as Failure } from '@runner/core';
import { RunnerError, isRunnerError } from '@runner/core';

/** Why there is no token for a registry; the README has the table. */
export type RegistryErrorCode =
  | 'registry_misconfigured'
  | 'registry_no_credentials'
  | 'registry_wrong_credentials'
  | 'registry_credentials_expired'
  | 'registry_forbidden'
  | 'registry_throttled'
  | 'registry_unreachable'
  | 'registry_untrusted'
  | 'registry_timed_out'
  | 'registry_unexpected_answer';

const RETRYABLE: ReadonlySet<RegistryErrorCode> = new Set<RegistryErrorCode>([
  'registry_throttled',
  'registry_unreachable',
  'registry_timed_out',
]);

interface Facts {
  readonly hint?: string;
  /** Milliseconds the other side asked to wait. */
  readonly retryAfterMs?: number | undefined;
  readonly status?: number | undefined;
  /** Name or number of the vendor for it; never a text of theirs, which may quote a credential. */
  readonly reason?: string | undefined;
}

export function registryError(code: RegistryErrorCode, message: string, facts: Facts = {}): Failure {
  const { hint, ...rest } = facts;
  const details = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return new RunnerError(code, message, {
    retryable: RETRYABLE.has(code),
    ...(hint === undefined ? {} : { hint }),
    details,
  });
}

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
};
const TIMED_OUT: ReadonlySet<string> = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT']);
const TRUST =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER_CERT(_LOCALLY)?|VERIFY_LEAF_SIGNATURE)|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|INVALID_CA|HOSTNAME_MISMATCH)$/;

/** The error for a failure of the network, of TLS or of a proxy; undefined when it is none of them. */
export function networkFailure(error: unknown, what: string): Failure | undefined {
  for (const each of chainOf(error)) {
    // Of our own tunnel: it says already what the proxy wants.
    if (isRunnerError(each) && each.code.startsWith('proxy_')) return each;
    const code = codeOf(each);
    if (TRUST.test(code)) {
      return registryError('registry_untrusted', `${what} cannot be trusted: TLS failed with ${code}`, {
        reason: code,
        hint: 'put the certificate authority of your network into the file that NODE_EXTRA_CA_CERTS names',
      });
    }
    if (TIMED_OUT.has(code) || nameOf(each) === 'TimeoutError') {
      return registryError('registry_timed_out', `${what} did not answer in time`, {
        reason: code || 'TimeoutError',
        hint: 'check firewall and proxy: HTTPS_PROXY and NO_PROXY',
      });
    }
    const said = UNREACHABLE[code];
    if (said !== undefined) {
      return registryError('registry_unreachable', `${what} cannot be reached: ${said} (${code})`, {
        reason: code,
        hint: 'check the region and the name of the registry for a slip, and DNS, firewall and proxy of this network',
      });
    }
  }
  return undefined;
}

/** An error and what stands below it, outermost first. */
export function chainOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  const visit = (each: unknown, depth: number): void => {
    if (depth > 6 || typeof each !== 'object' || each === null) return;
    chain.push(each);
    const { cause, errors, error: inner } = each as { cause?: unknown; errors?: unknown; error?: unknown };
    if (Array.isArray(errors)) for (const one of errors.slice(0, 8)) visit(one, depth + 1);
    visit(inner, depth + 1);
    visit(cause, depth + 1);
  };
  visit(error, 0);
  return chain;
}

export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

export function nameOf(error: unknown): string {
  const { name } = (error ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name.slice(0, 64) : '';
}

/** Milliseconds a Retry-After header asks for: seconds, or a date. Undefined for anything else. */
export function retryAfterMs(header: string | undefined | null, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,7}$/.test(text)) return Number(text) * 1_000;
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
