import type { NetworkTrouble, RunnerError as Failure } from '@runner/core';
import { RunnerError, errorChain, isRunnerError, networkTrouble } from '@runner/core';

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

/** The error for a failure of the network, of TLS or of a proxy; undefined when it is none of them. */
export function networkFailure(error: unknown, what: string): Failure | undefined {
  for (const each of errorChain(error)) {
    // Of our own tunnel: it says already what the proxy wants.
    if (isRunnerError(each) && each.code.startsWith('proxy_')) return each;
    const trouble = networkTrouble(codeOf(each));
    if (trouble !== undefined) return troubleError(trouble, what);
    // The SDK of AWS gives this name to connections that were reset as well; those have a code.
    if (nameOf(each) === 'TimeoutError') return troubleError({ kind: 'timed_out', code: 'TimeoutError' }, what);
  }
  return undefined;
}

function troubleError(trouble: NetworkTrouble, what: string): Failure {
  const { kind, code: reason } = trouble;
  switch (kind) {
    case 'untrusted':
      return registryError('registry_untrusted', `${what} cannot be trusted: TLS failed with ${reason}`, {
        reason,
        hint: 'put the certificate authority of your network into the file that NODE_EXTRA_CA_CERTS names',
      });
    case 'timed_out':
      return registryError('registry_timed_out', `${what} did not answer in time`, {
        reason,
        hint: 'check firewall and proxy: HTTPS_PROXY and NO_PROXY',
      });
    case 'unreachable':
      return registryError('registry_unreachable', `${what} cannot be reached: ${trouble.said} (${reason})`, {
        reason,
        hint: 'check the region and the name of the registry for a slip, and DNS, firewall and proxy of this network',
      });
  }
}

export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

export function nameOf(error: unknown): string {
  const { name } = (error ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name.slice(0, 64) : '';
}
