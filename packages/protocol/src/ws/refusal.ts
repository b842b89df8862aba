import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { SUBPROTOCOL } from '../messages.ts';

/** Why an upgrade is refused; sent as HTTP with a small JSON body. */
export interface UpgradeRefusal {
  readonly status: 400 | 401 | 403 | 404 | 429 | 503;
  /** Stable, snake_case. */
  readonly code: string;
  /** A sentence for the operator of the agent. Never repeats the token. */
  readonly message: string;
}

const PHRASES: Record<UpgradeRefusal['status'], string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

/** Answers an upgrade request over the bare connection and ends it. */
export function refuseUpgrade(connection: Duplex, refusal: UpgradeRefusal): void {
  if (connection.destroyed) return;
  const body = JSON.stringify({ code: refusal.code, message: refusal.message });
  const head = [
    `HTTP/1.1 ${refusal.status} ${PHRASES[refusal.status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...(refusal.status === 401 ? ['WWW-Authenticate: Bearer'] : []),
    ...(refusal.status === 429 || refusal.status === 503 ? ['Retry-After: 5'] : []),
  ].join('\r\n');
  connection.once('finish', () => connection.destroy());
  connection.end(`${head}\r\n\r\n${body}`);
}

const refusal = (status: UpgradeRefusal['status'], code: string, message: string): UpgradeRefusal => ({
  status,
  code,
  message,
});
export const UNAVAILABLE = refusal(503, 'unavailable', 'The control plane cannot check tokens just now; try again.');
export const FULL = refusal(503, 'too_many_sockets', 'This control plane holds as many runners as it may; try again.');
export const NOT_FOUND = refusal(404, 'not_found', 'There is no runner bridge at this path.');
export const WRONG_PROTOCOL = refusal(
  400,
  'subprotocol_required',
  `Sec-WebSocket-Protocol must offer ${SUBPROTOCOL}; this server speaks nothing else.`,
);

/** The path of the request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

/** Whether the client would speak our protocol. */
export function offersProtocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((one) => one.trim() === SUBPROTOCOL);
}
