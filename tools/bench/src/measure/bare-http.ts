import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { KubeIdentity } from '@runner/kube';

export interface BareServer {
  readonly url: string;
  readonly authorization: string | undefined;
  /** For TLS. */
  readonly identity?: KubeIdentity;
  /** Connections; all of them are kept. */
  readonly atOnce: number;
}

/** HTTP over kept-alive connections, and nothing beside. What comes back is read and thrown away. */
export interface BareHttp {
  /** Resolves with what was answered. */
  post(path: string, body: string): Promise<BareAnswer>;
  /**
   * Opens a stream that is read until the process ends, anew whenever it ends. Servers may begin to answer with the first
   * event only, so nobody waits for that. One that is refused for good ends the process.
   */
  stream(path: string, accept: string): void;
}

export interface BareAnswer {
  readonly status: number;
  /** Seconds for which the server asks to wait. */
  readonly retryAfter: number | undefined;
}

/** A stream is opened anew after so many milliseconds: it ended, or the server has no time for it (429, 5xx). */
const AGAIN_MS = 1_000;

export function bareHttp({ url, authorization, identity, atOnce }: BareServer): BareHttp {
  const secure = url.startsWith('https:');
  const { certificate: cert, key } = identity?.clientCertificate ?? {};
  const tls = { ca: identity?.certificateAuthority, cert, key };
  const pool = { keepAlive: true, maxSockets: atOnce };
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  const streams = secure ? new HttpsAgent() : new HttpAgent();
  const request = secure ? httpsRequest : httpRequest;
  const authorized = authorization === undefined ? {} : { authorization };
  return {
    post: (path, body) =>
      new Promise((resolve, reject) => {
        const length = Buffer.byteLength(body);
        const headers = { 'content-type': 'application/json', 'content-length': length, ...authorized };
        request(new URL(path, url), { method: 'POST', agent, ...tls, headers }, (answer) => {
          answer.resume().once('end', () => resolve(answerOf(answer)));
        })
          .once('error', reject)
          .end(body);
      }),
    stream: (path, accept) => {
      const again = (): void => void setTimeout(open, AGAIN_MS).unref();
      const open = (): void => {
        const headers = { accept, ...authorized };
        request(new URL(path, url), { agent: streams, ...tls, headers }, (answer) => {
          const { statusCode = 0 } = answer;
          if (statusCode !== 200 && statusCode !== 429 && statusCode < 500) {
            throw new Error(`a stream was answered ${statusCode}`);
          }
          answer.resume().once('close', again);
        })
          .once('error', again)
          .end();
      };
      open();
    },
  };
}

function answerOf({ statusCode = 0, headers }: IncomingMessage): BareAnswer {
  const seconds = Number(headers['retry-after']);
  return { status: statusCode, retryAfter: Number.isFinite(seconds) ? seconds : undefined };
}
