import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import type { Network } from '../transport/http-agent.ts';

/**
 * One agent for hosts that are not known beforehand: the SDKs ask the registry, and other services for credentials. Each
 * connection takes the way of the agent's own network (proxy, certificate authorities).
 */
export function vendorAgent(network: Network): Agent {
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = (options, callback) => {
    const { host = '', port = 443 } = options as ConnectionOptions;
    const way = network.agentFor(new URL(`https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`));
    const { servername } = options as ConnectionOptions;
    const named = {
      ...(options as ConnectionOptions),
      servername: isIP(servername ?? host) === 0 ? (servername ?? host) : '',
    };
    if (way === undefined) return connect(named);
    return way.createConnection(named, callback);
  };
  return agent;
}

export interface FormAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

const LONGEST_BODY = 65_536;

/** Posts a form and reads the whole answer. The body may be a credential: it is never put into an error. */
export function postForm(
  url: URL,
  fields: Readonly<Record<string, string>>,
  { agent, signal }: { readonly agent: Agent; readonly signal: AbortSignal },
): Promise<FormAnswer> {
  return new Promise((resolve, reject) => {
    const body = new URLSearchParams(fields).toString();
    const request = httpsRequest(url, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      },
      agent,
      signal,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > LONGEST_BODY) request.destroy(new Error('the answer is longer than 64 KiB'));
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body: text }),
      );
    });
    request.end(body);
  });
}
