import { RunnerError, isRunnerError, messageOf } from '@runner/core';
import { SUBPROTOCOL } from '../messages.ts';

/** What is known about a connection attempt besides the error. */
export interface DialFacts {
  /** Host and port, for the sentence. */
  readonly host: string;
  /** Who issued the certificate that was shown last. */
  issuer?: string;
  /** The server switched protocols, but to something else than ours. */
  foreign?: boolean;
}

/** What the server answered instead of switching protocols. */
export interface HttpAnswer {
  readonly status: number;
  /** Code and message of a JSON body in the form this protocol uses. */
  readonly code?: string;
  readonly message?: string;
}

const dialError = (
  code: string,
  message: string,
  retryable: boolean,
  hint: string,
  more: { cause?: unknown; details?: Record<string, unknown> } = {},
): RunnerError => new RunnerError(code, message, { retryable, hint, ...more });

/** The connection, TLS or handshake failed. `retryable: false` means that a person has to act. */
export function networkDialError(cause: unknown, facts: DialFacts): RunnerError {
  const ours = findRunnerError(cause);
  if (ours !== undefined) return ours;
  if (facts.foreign === true) return wrongProtocol(facts, 'opened a WebSocket of another kind', { cause });
  const code = systemCode(cause);
  return (
    nameError(code, cause, facts) ??
    tlsError(code, cause, facts) ??
    reachError(code, cause, facts) ??
    dialError(
      'connect_failed',
      `the connection to ${facts.host} failed: ${messageOf(cause)}`,
      true,
      'Look at the cause; the agent tries again.',
      { cause },
    )
  );
}

function nameError(code: string | undefined, cause: unknown, { host }: DialFacts): RunnerError | undefined {
  if (code !== 'ENOTFOUND' && code !== 'EAI_AGAIN' && code !== 'EAI_NODATA' && code !== 'EAI_NONAME') return undefined;
  return dialError(
    'connect_dns',
    `the name of ${host} could not be resolved`,
    true,
    'Check the host in SERVER_URL and the DNS of the machine or cluster.',
    { cause },
  );
}

function reachError(code: string | undefined, cause: unknown, { host }: DialFacts): RunnerError | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return dialError(
        'connect_refused',
        `${host} refused the connection: nothing listens there`,
        true,
        'Check host and port, and whether the control plane is up.',
        { cause },
      );
    case 'ETIMEDOUT':
    case 'ESOCKETTIMEDOUT':
      return connectTimeout({ host }, cause);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return dialError(
        'connect_unreachable',
        `there is no network route to ${host}`,
        true,
        'Check firewall, routes and, in a cluster, the egress NetworkPolicy.',
        { cause },
      );
    case 'ECONNRESET':
    case 'EPIPE':
      return dialError(
        'connect_reset',
        `${host} or something on the way broke the connection off`,
        true,
        'If it lasts: a proxy or firewall may not let WebSockets through, or TLS is spoken to a port without it.',
        { cause },
      );
    default:
      return undefined;
  }
}

/** Nothing answered in time. */
export function connectTimeout({ host }: Pick<DialFacts, 'host'>, cause?: unknown): RunnerError {
  return dialError(
    'connect_timeout',
    `${host} did not answer in time`,
    true,
    'A firewall may swallow the packets, or the address is wrong; check that outbound connections to it are allowed.',
    { cause },
  );
}

const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

function tlsError(code: string | undefined, cause: unknown, facts: DialFacts): RunnerError | undefined {
  if (code === undefined) return undefined;
  const { host, issuer } = facts;
  if (UNTRUSTED.has(code)) {
    const signer = issuer === undefined ? 'a certificate authority' : `the certificate authority "${issuer}"`;
    return dialError(
      'connect_tls_untrusted',
      `the certificate of ${host} was signed by ${signer} that is not trusted here`,
      false,
      'Give the agent that CA with SERVER_CA_FILE or NODE_EXTRA_CA_CERTS.',
      { cause, details: { reason: code, ...(issuer === undefined ? {} : { issuer }) } },
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const when = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    const hint = 'Renew it, or set the clock of this machine right.';
    return dialError('connect_tls_expired', `the certificate of ${host} ${when}`, false, hint, { cause });
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    const hint = 'Use the host name the certificate was made for.';
    return dialError('connect_tls_name', `the certificate of ${host} is for another name`, false, hint, { cause });
  }
  if (!/^(ERR_SSL|ERR_TLS|EPROTO|CERT_|UNABLE_TO_|SELF_SIGNED)/.test(code)) return undefined;
  const hint = 'Check wss:// against ws:// in SERVER_URL, and whether a proxy on the way inspects TLS.';
  return dialError('connect_tls', `TLS with ${host} failed (${code})`, false, hint, { cause });
}

/** The server answered with plain HTTP. */
export function httpDialError(answer: HttpAnswer, facts: DialFacts): RunnerError {
  const { status } = answer;
  const { host } = facts;
  const details = { status, ...(answer.code === undefined ? {} : { serverCode: answer.code }) };
  const said = answer.message === undefined ? '' : ` The server says: ${answer.message}`;
  const fail = (code: string, message: string, retryable: boolean, hint: string): RunnerError =>
    dialError(code, `${message} (HTTP ${status})`, retryable, `${hint}${said}`, { details });
  if (status === 401) {
    const hint = 'Put a valid, unexpired bot token into AUTH_TOKEN.';
    return fail('connect_unauthorized', `${host} did not accept the token`, false, hint);
  }
  if (status === 403) {
    const hint = 'Use the token that was made for this runner, or change AGENT_ID.';
    return fail('connect_forbidden', `the token is not allowed to connect a runner to ${host}`, false, hint);
  }
  if (status === 404) {
    const hint = 'Check SERVER_URL: its path, and whether this server offers the runner bridge at all.';
    return fail('connect_not_found', `${host} knows no runner bridge at this address`, false, hint);
  }
  if (status === 407) {
    const hint = 'Put user and password into the proxy URL.';
    return fail('connect_proxy_auth', `the proxy in front of ${host} wants credentials`, false, hint);
  }
  if (status === 408 || status === 429 || status >= 500) {
    return fail('connect_unavailable', `${host} cannot serve runners just now`, true, 'The agent tries again.');
  }
  return wrongProtocol(facts, `answered with HTTP ${status} instead of opening a WebSocket`, { details });
}

function wrongProtocol(
  { host }: DialFacts,
  did: string,
  more: { cause?: unknown; details?: Record<string, unknown> },
): RunnerError {
  return dialError(
    'connect_wrong_protocol',
    `${host} is up but does not speak ${SUBPROTOCOL}: it ${did}`,
    false,
    'The server must be a control plane of this project or one that implements its PROTOCOL.md; another product, or a proxy that does not pass WebSockets on, cannot serve this agent.',
    more,
  );
}

/** An error of ours that a custom agent or `createConnection` failed with is the better description. */
function findRunnerError(error: unknown): RunnerError | undefined {
  for (let at: unknown = error, steps = 0; steps < 8 && typeof at === 'object' && at !== null; steps += 1) {
    if (isRunnerError(at)) return at;
    at = (at as { cause?: unknown }).cause;
  }
  return undefined;
}

/** The `code` of a system error; of several tries (IPv6 and IPv4) that of the first. */
function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  return Array.isArray(errors) ? systemCode(errors[0]) : undefined;
}
