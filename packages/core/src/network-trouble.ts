/** What a failed connection is, whichever client met it, as far as its code tells. */
export type NetworkTrouble =
  | {
      readonly kind: 'unreachable';
      readonly code: string;
      /** Half a sentence: `the connection was refused`. */
      readonly said: string;
    }
  /** `untrusted`: TLS could not be agreed on, or its certificate convinces nobody. */
  | { readonly kind: 'timed_out' | 'untrusted'; readonly code: string };

/** Codes of Node and libuv, and those of undici that mean the same. */
const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was reset'],
  ['ECONNABORTED', 'the connection was broken off'],
  ['EPIPE', 'the connection was closed'],
  ['ENOTFOUND', 'its name does not resolve'],
  ['EAI_AGAIN', 'its name cannot be resolved just now'],
  ['EHOSTUNREACH', 'there is no route to it'],
  ['ENETUNREACH', 'there is no network to it'],
  ['EHOSTDOWN', 'it is down'],
  ['ERR_STREAM_PREMATURE_CLOSE', 'the answer broke off'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
]);
const TIMED_OUT: ReadonlySet<string> = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);
/** Names of OpenSSL's and Node's verdicts on a certificate, and of handshakes that failed. */
const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER_CERT(_LOCALLY)?|VERIFY_LEAF_SIGNATURE)|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|INVALID_CA|HOSTNAME_MISMATCH)$/;

/** What the `code` of an error says of the network; undefined when it is about something else. */
export function networkTrouble(code: string): NetworkTrouble | undefined {
  if (UNTRUSTED.test(code)) return { kind: 'untrusted', code };
  if (TIMED_OUT.has(code)) return { kind: 'timed_out', code };
  const said = UNREACHABLE.get(code);
  return said === undefined ? undefined : { kind: 'unreachable', code, said };
}

const DEEPEST = 6;
const MOST_ERRORS = 8;

/**
 * An error and what stands below it, outermost first: its `errors`, its `error`, its `cause`, and theirs. Only objects; cut
 * off where the chain is deeper than six, so a cycle does no harm.
 */
export function errorChain(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  const visit = (each: unknown, depth: number): void => {
    if (depth > DEEPEST || typeof each !== 'object' || each === null) return;
    chain.push(each);
    const { cause, errors, error: inner } = each as { cause?: unknown; errors?: unknown; error?: unknown };
    if (Array.isArray(errors)) for (const one of errors.slice(0, MOST_ERRORS)) visit(one, depth + 1);
    visit(inner, depth + 1);
    visit(cause, depth + 1);
  };
  visit(error, 0);
  return chain;
}

/**
 * Milliseconds that a Retry-After header asks for: seconds, or a date, which is counted from `now` (epoch milliseconds) and
 * is never negative. Undefined for anything else.
 */
export function retryAfterMs(header: string | undefined | null, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,7}$/.test(text)) return Number(text) * 1_000;
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
