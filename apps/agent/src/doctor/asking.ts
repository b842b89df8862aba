import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '@runner/core';
import { jsonOf } from '../config/format.ts';
import type { Network } from '../transport/http-agent.ts';
import type { ServerAnswer } from './context.ts';

const LONGEST_BODY = 65_536;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/;

/** What one GET was answered. */
export interface Answer {
  readonly status: number;
  readonly date: string | undefined;
  readonly body: string;
}

/** One GET on the way of the runner; rejects with the error of the connection. */
export function ask(url: URL, network: Network | undefined, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const agent = network?.agentFor(url);
    const request = send(url, {
      signal,
      headers: { accept: 'application/json, text/plain', 'cache-control': 'no-cache' },
      agent: agent ?? false,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (body.length < LONGEST_BODY) body += chunk;
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, date: response.headers.date, body: body.slice(0, LONGEST_BODY) }),
      );
    });
    request.end();
  });
}

/** What the control plane says of itself. Never rejects. */
export async function askServer(
  apiUrl: string,
  network: Network,
  clock: Clock,
  signal: AbortSignal,
): Promise<ServerAnswer> {
  const begun = clock.now();
  try {
    const { status, date, body } = await ask(new URL(`${apiUrl}/v1/system/version`), network, signal);
    const at = (begun + clock.now()) / 2;
    return { answered: true, status, date, at, openMetadataVersion: status === 200 ? versionIn(body) : undefined };
  } catch (error) {
    return { answered: false, error };
  }
}

function versionIn(body: string): string | undefined {
  const answer = jsonOf(body);
  const version = typeof answer === 'object' && answer !== null && 'version' in answer ? answer.version : undefined;
  return typeof version === 'string' && VERSION.test(version) ? version : undefined;
}
