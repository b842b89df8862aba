import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Clock } from '@runner/core';
import { RunnerError, messageOf } from '@runner/core';
import type { ProxySettings } from '../config/proxy-format.ts';
import { authority } from './proxy.ts';
import type { Target } from './proxy.ts';

export interface TunnelOptions {
  /** What the proxy's own certificate is checked against; undefined: the usual authorities. */
  readonly secureContext: SecureContext | undefined;
  readonly clock: Clock;
}

/** How long a proxy may take to answer. */
const ANSWER_MS = 15_000;

/** Asks a proxy for a connection to the target (CONNECT). Rejects with a RunnerError that says what the proxy said. */
export function openTunnel(proxy: ProxySettings, target: Target, options: TunnelOptions): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const send = proxy.secure ? httpsRequest : httpRequest;
    const request = send({
      method: 'CONNECT',
      host: proxy.host,
      port: proxy.port,
      path: authority(target),
      headers: {
        host: authority(target),
        ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }),
      },
      agent: false,
      ...(proxy.secure ? { servername: isIP(proxy.host) === 0 ? proxy.host : '' } : {}),
      ...(options.secureContext === undefined ? {} : { secureContext: options.secureContext }),
    });
    const timer = options.clock.setTimer(ANSWER_MS, () => {
      reject(unanswered(proxy));
      request.destroy();
    });
    request.once('close', () => timer.cancel());
    request.once('connect', (response, socket, head) => {
      timer.cancel();
      if (response.statusCode !== 200) {
        socket.destroy();
        reject(refusal(proxy, target, response));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', (response) => {
      response.destroy();
      reject(refusal(proxy, target, response));
    });
    request.once('error', (error) => reject(failure(proxy, error)));
    request.end();
  });
}

function refusal(proxy: ProxySettings, target: Target, response: IncomingMessage): RunnerError {
  const status = response.statusCode ?? 0;
  const details = { proxy: proxy.origin, target: authority(target), status };
  if (status === 407) {
    return new RunnerError(
      'proxy_authentication',
      proxy.authorization === undefined
        ? `the proxy ${proxy.origin} wants a user name and a password (407)`
        : `the proxy ${proxy.origin} refused the user name and password (407)`,
      {
        details,
        retryable: true,
        hint: 'put them into HTTPS_PROXY (HTTP_PROXY for ws and http) as http://user:password@host:port, percent-encoded',
      },
    );
  }
  const said = `${status} ${response.statusMessage ?? ''}`.trim();
  return new RunnerError(
    'proxy_refused',
    `the proxy ${proxy.origin} did not connect to ${authority(target)} (${said})`,
    {
      details,
      retryable: true,
      hint: 'let the proxy permit CONNECT to this host and port, or name the host in NO_PROXY if it can be reached directly',
    },
  );
}

function unanswered(proxy: ProxySettings): RunnerError {
  return new RunnerError('proxy_unreachable', `the proxy ${proxy.origin} did not answer within ${ANSWER_MS / 1000} s`, {
    retryable: true,
    hint: 'check host and port of HTTPS_PROXY (HTTP_PROXY for ws and http)',
  });
}

function failure(proxy: ProxySettings, error: Error): RunnerError {
  return new RunnerError('proxy_unreachable', `the proxy ${proxy.origin} cannot be reached: ${messageOf(error)}`, {
    cause: error,
    retryable: true,
    hint: isCertificateError(error)
      ? 'put the authority that signed its certificate into SERVER_CA_FILE'
      : 'check host and port of HTTPS_PROXY (HTTP_PROXY for ws and http)',
  });
}

/** Node's codes for a certificate that does not convince. */
function isCertificateError(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/.test(code);
}
