/**
 * Every reason for which one side ends a session. `retry` is what an agent does next: `backoff` with full jitter,
 * `slow` = only once a minute because a person has to act, `no` = leave the process to its supervisor.
 */
export interface CloseCode {
  readonly code: number;
  readonly name: string;
  readonly sentBy: 'agent' | 'control plane' | 'either';
  readonly retry: 'backoff' | 'slow' | 'no';
  /** What the operator should read. */
  readonly operator: string;
}

const c = (
  code: number,
  name: string,
  sentBy: CloseCode['sentBy'],
  retry: CloseCode['retry'],
  operator: string,
): CloseCode => ({ code, name, sentBy, retry, operator });

export const CLOSE = {
  normal: c(
    1000,
    'normal',
    'either',
    'backoff',
    'The session was closed on purpose; the agent connects again unless it is stopping.',
  ),
  goingAway: c(1001, 'going_away', 'either', 'backoff', 'The other side is restarting; the agent connects again.'),
  badFrame: c(
    4400,
    'bad_frame',
    'either',
    'backoff',
    'A frame was not valid JSON or did not follow the protocol. If it repeats, the two sides have incompatible versions or something rewrites the traffic.',
  ),
  unauthorized: c(
    4401,
    'unauthorized',
    'control plane',
    'slow',
    'The token was refused. Put a valid, unexpired bot token into AUTH_TOKEN.',
  ),
  forbidden: c(
    4403,
    'forbidden',
    'control plane',
    'slow',
    'The token is not allowed to act as this agentId. Use the token that was made for this runner or change AGENT_ID.',
  ),
  unsupported: c(
    4406,
    'unsupported',
    'either',
    'slow',
    'The other side requires a newer protocol version. Upgrade the older side.',
  ),
  silence: c(
    4408,
    'silence',
    'either',
    'backoff',
    'Nothing was heard from the other side for too long; the connection was half open.',
  ),
  replaced: c(
    4409,
    'replaced',
    'control plane',
    'backoff',
    'The same instance connected again; this older socket is closed.',
  ),
  revoked: c(
    4410,
    'revoked',
    'control plane',
    'slow',
    'The token or the runner was revoked. Make a new token for this runner.',
  ),
  tooLarge: c(4413, 'too_large', 'either', 'backoff', 'A frame was larger than 1 MiB.'),
  tooManyStreams: c(
    4422,
    'too_many_streams',
    'agent',
    'backoff',
    'The control plane opened more log streams than the protocol allows.',
  ),
  helloTimeout: c(
    4428,
    'hello_timeout',
    'control plane',
    'backoff',
    'The agent connected but did not introduce itself in time.',
  ),
  tooManyRequests: c(
    4429,
    'too_many_requests',
    'control plane',
    'backoff',
    'Too many frames or connection attempts; the agent slows down.',
  ),
  internal: c(4500, 'internal', 'either', 'backoff', 'The other side failed; its log says why.'),
  unavailable: c(
    4503,
    'unavailable',
    'control plane',
    'backoff',
    'The control plane cannot serve agents right now, usually because its store is away.',
  ),
} as const satisfies Record<string, CloseCode>;

export type CloseName = keyof typeof CLOSE;

const BY_CODE: ReadonlyMap<number, CloseCode> = new Map(Object.values(CLOSE).map((entry) => [entry.code, entry]));

/** The entry of a close code; undefined for codes of the WebSocket layer such as 1006. */
export function closeCode(code: number): CloseCode | undefined {
  return BY_CODE.get(code);
}
