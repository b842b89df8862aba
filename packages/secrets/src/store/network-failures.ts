import { errorChain, networkTrouble } from '@runner/core';
import type { NetworkTrouble } from '@runner/core';
import type { SecretErrorFacts } from '../errors.ts';
import { secretError } from '../errors.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'check the region, the name of the vault or the endpoint for a slip, and the DNS of this network',
  ECONNREFUSED: 'check the endpoint and its port, and whether a proxy must be used',
};

/** Code of the error for a proxy that does not tunnel, with its status behind. */
export const PROXY_REFUSED = 'ERR_PROXY_REFUSED_';

/** Codes on an error and what stands below it, outermost first; an AggregateError's as well. */
export function errorCodes(error: unknown): readonly string[] {
  return errorChain(error).flatMap((each) => {
    const { code } = each as { code?: unknown };
    return typeof code === 'string' ? [code] : [];
  });
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
    const trouble = networkTrouble(errno);
    if (trouble !== undefined) return troubleError(trouble, what, { ...about, details: { errno } }, caHint);
  }
  return undefined;
}

function troubleError(
  trouble: NetworkTrouble,
  what: string,
  about: SecretErrorFacts,
  hintOfAuthorities = 'give the certificate authority of your network with the option ca',
): Error {
  const { code } = trouble;
  switch (trouble.kind) {
    case 'untrusted':
      return secretError('secret_misconfigured', `${what} cannot be trusted: TLS failed with ${code}`, {
        ...about,
        hint: hintOfAuthorities,
      });
    case 'timed_out':
      return secretError('secret_timed_out', `${what} did not answer in time (${code})`, about);
    case 'unreachable': {
      const hint = HINTS[code];
      return secretError('secret_unreachable', `${what} cannot be reached: ${trouble.said} (${code})`, {
        ...about,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
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
