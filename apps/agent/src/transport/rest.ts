import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { RunnerError, messageOf } from '@runner/core';
import type { Clock } from '@runner/core';
import type { Network } from './http-agent.ts';

interface RestAnswer {
  readonly status: number;
  readonly body: string;
}

/** Reads from the REST interface of the control plane, on the same way as the socket. */
export interface Rest {
  /** @param path below the base, beginning with a slash */
  get(path: string, signal: AbortSignal): Promise<RestAnswer>;
}

const LONGEST_BODY = 1_048_576;

export interface RestOptions {
  /** Without slash at its end. */
  readonly base: string;
  readonly network: Network;
  readonly clock: Clock;
  /** Told how long each answer took. */
  readonly onAnswer?: (seconds: number) => void;
}

export function createRest({ base, network, clock, onAnswer }: RestOptions): Rest {
  return {
    get: (path, signal) =>
      new Promise((resolve, reject) => {
        const url = new URL(`${base}${path}`);
        const begun = clock.monotonic();
        const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
        const request = send(url, {
          method: 'GET',
          headers: { accept: 'application/json' },
          agent: network.agentFor(url),
          signal,
        });
        const fail = (error: unknown): void => {
          reject(
            new RunnerError('rest_failed', `${url.origin} did not answer: ${messageOf(error)}`, {
              cause: error,
              retryable: true,
            }),
          );
        };
        request.once('error', fail);
        request.once('response', (response) => {
          onAnswer?.((clock.monotonic() - begun) / 1000);
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            body += chunk;
            if (body.length > LONGEST_BODY) request.destroy(new Error('the answer is longer than 1 MiB'));
          });
          response.once('error', fail);
          response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
        });
        request.end();
      }),
  };
}
