import type { RunnerError } from '@runner/core';
import { isRunnerError, messageOf } from '@runner/core';
import type { ProtocolErrorCode } from '../errors.ts';
import { protocolError } from '../errors.ts';
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

type Saying = (facts: DialFacts, cause?: unknown) => RunnerError;

/** The connection, TLS or the handshake failed. */
export function networkDialError(cause: unknown, facts: DialFacts): RunnerError {
  const ours = findRunnerError(cause);
  if (ours !== undefined) return ours;
  if (facts.foreign === true) return wrongProtocol(facts, 'opened a WebSocket of another kind', { cause });
  const code = systemCode(cause) ?? '';
  const saying = BY_SYSTEM_CODE.get(code);
  if (saying !== undefined) return saying(facts, cause);
  if (/^(ERR_SSL|ERR_TLS|EPROTO|CERT_|UNABLE_TO_|SELF_SIGNED)/.test(code)) return tlsFailed(facts, code, cause);
  const hint = 'Look at the cause; the agent tries again.';
  return protocolError('connect_failed', `the connection to ${facts.host} failed: ${messageOf(cause)}`, {
    cause,
    hint,
  });
}

const unknownName: Saying = ({ host }, cause) =>
  protocolError('connect_dns', `the name of ${host} could not be resolved`, {
    cause,
    hint: 'Check the host in SERVER_URL and the DNS of the machine or cluster.',
  });

const refused: Saying = ({ host }, cause) =>
  protocolError('connect_refused', `${host} refused the connection: nothing listens there`, {
    cause,
    hint: 'Check host and port, and whether the control plane is up.',
  });

/** Nothing answered in time. */
export const connectTimeout: Saying = ({ host }, cause) =>
  protocolError('connect_timeout', `${host} did not answer in time`, {
    cause,
    hint: 'A firewall may swallow the packets, or the address is wrong; check that outbound connections are allowed.',
  });

const unreachable: Saying = ({ host }, cause) =>
  protocolError('connect_unreachable', `there is no network route to ${host}`, {
    cause,
    hint: 'Check firewall, routes and, in a cluster, the egress NetworkPolicy.',
  });

const brokenOff: Saying = ({ host }, cause) =>
  protocolError('connect_reset', `${host} or something on the way broke the connection off`, {
    cause,
    hint: 'If it lasts: a proxy or firewall may not let WebSockets through, or TLS is missing on one side.',
  });

const untrusted: Saying = ({ host, issuer }, cause) => {
  const signer = issuer === undefined ? 'a certificate authority' : `the certificate authority "${issuer}"`;
  return protocolError(
    'connect_tls_untrusted',
    `the certificate of ${host} was signed by ${signer}, not trusted here`,
    {
      cause,
      hint: 'Give the agent that CA with SERVER_CA_FILE or NODE_EXTRA_CA_CERTS.',
      details: { reason: systemCode(cause), ...(issuer === undefined ? {} : { issuer }) },
    },
  );
};

const notInTime: Saying = ({ host }, cause) =>
  protocolError('connect_tls_expired', `the certificate of ${host} has expired or is not valid yet`, {
    cause,
    hint: 'Renew it, or set the clock of this machine right.',
    details: { reason: systemCode(cause) },
  });

const otherName: Saying = ({ host }, cause) =>
  protocolError('connect_tls_name', `the certificate of ${host} is for another name`, {
    cause,
    hint: 'Use the host name the certificate was made for.',
  });

function tlsFailed({ host }: DialFacts, code: string, cause: unknown): RunnerError {
  return protocolError('connect_tls', `TLS with ${host} failed (${code})`, {
    cause,
    hint: 'Check wss:// against ws:// in SERVER_URL, and whether a proxy on the way inspects TLS.',
  });
}

const BY_SYSTEM_CODE: ReadonlyMap<string, Saying> = new Map([
  ['ENOTFOUND', unknownName],
  ['EAI_AGAIN', unknownName],
  ['EAI_NODATA', unknownName],
  ['EAI_NONAME', unknownName],
  ['ECONNREFUSED', refused],
  ['ETIMEDOUT', connectTimeout],
  ['EHOSTUNREACH', unreachable],
  ['ENETUNREACH', unreachable],
  ['ECONNRESET', brokenOff],
  ['EPIPE', brokenOff],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['CERT_UNTRUSTED', untrusted],
  ['INVALID_CA', untrusted],
  ['CERT_HAS_EXPIRED', notInTime],
  ['CERT_NOT_YET_VALID', notInTime],
  ['ERR_TLS_CERT_ALTNAME_INVALID', otherName],
  ['HOSTNAME_MISMATCH', otherName],
]);

interface HttpSaying {
  readonly code: ProtocolErrorCode;
  readonly says: (host: string) => string;
  readonly hint: string;
}

const UNAVAILABLE: HttpSaying = {
  code: 'connect_unavailable',
  says: (host) => `${host} cannot serve runners just now`,
  hint: 'The agent tries again.',
};

const BY_STATUS: ReadonlyMap<number, HttpSaying> = new Map<number, HttpSaying>([
  [
    401,
    {
      code: 'connect_unauthorized',
      says: (host) => `${host} did not accept the token`,
      hint: 'Put a valid, unexpired bot token into AUTH_TOKEN.',
    },
  ],
  [
    403,
    {
      code: 'connect_forbidden',
      says: (host) => `the token is not allowed to connect a runner to ${host}`,
      hint: 'Use the token that was made for this runner, or change AGENT_ID.',
    },
  ],
  [
    404,
    {
      code: 'connect_not_found',
      says: (host) => `${host} knows no runner bridge at this address`,
      hint: 'Check SERVER_URL: its path, and whether this server offers the runner bridge at all.',
    },
  ],
  [
    407,
    {
      code: 'connect_proxy_auth',
      says: (host) => `the proxy in front of ${host} wants credentials`,
      hint: 'Put user and password into the proxy URL.',
    },
  ],
  [408, UNAVAILABLE],
  [429, UNAVAILABLE],
]);

/** The server answered with plain HTTP. */
export function httpDialError({ status, code, message }: HttpAnswer, facts: DialFacts): RunnerError {
  const details = { status, ...(code === undefined ? {} : { serverCode: code }) };
  const saying = BY_STATUS.get(status) ?? (status >= 500 ? UNAVAILABLE : undefined);
  if (saying === undefined) {
    return wrongProtocol(facts, `answered with HTTP ${status} instead of opening a WebSocket`, { details });
  }
  const hint = message === undefined ? saying.hint : `${saying.hint} The server says: ${message}`;
  return protocolError(saying.code, `${saying.says(facts.host)} (HTTP ${status})`, { hint, details });
}

function wrongProtocol(
  { host }: DialFacts,
  did: string,
  more: { cause?: unknown; details?: Record<string, unknown> },
): RunnerError {
  return protocolError('connect_wrong_protocol', `${host} is up but does not speak ${SUBPROTOCOL}: it ${did}`, {
    hint: 'The server must be a control plane of this project, or another that implements its PROTOCOL.md. Another product, or a proxy that does not pass WebSockets on, cannot serve this agent.',
    ...more,
  });
}

/** An error of ours that a custom agent or `createConnection` failed with is the better description. */
function findRunnerError(error: unknown): RunnerError | undefined {
  let at: unknown = error;
  for (let steps = 0; steps < 8 && typeof at === 'object' && at !== null; steps += 1) {
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
