import type { IncomingMessage } from 'node:http';
import type { Agent } from 'node:https';
import { request } from 'node:https';

/** An answer of the API server, read to its end. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfter: string | undefined;
}

export interface ApiRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

/** A Secret has at most 1 MiB of data; base64 and managed fields come on top. */
const LONGEST_ANSWER = 8 * 1024 * 1024;

/** GET, one attempt, no redirect. */
export function getJson(url: string, { headers, agent, signal }: ApiRequest): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { headers: { accept: 'application/json', ...headers }, agent, signal },
      (response) => {
        readBody(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, body, retryAfter: response.headers['retry-after'] }),
          reject,
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let total = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    total += piece.length;
    if (total > LONGEST_ANSWER) throw new RangeError('the answer is longer than a Secret can be');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
