import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface StubServer extends AsyncDisposable {
  readonly hostPort: string;
  readonly calls: readonly Call[];
  /** Bodies of the calls to a path, in order. */
  bodies(method: string, path: RegExp): readonly unknown[];
}

/** The part of an OpenMetadata server that a workload talks to: answers by path, remembers every call. */
export async function stubServer(token: string, answers: Readonly<Record<string, unknown>>): Promise<StubServer> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent((request.url ?? '').replace('/api/v1/', ''));
      const text = await bodyOf(request);
      calls.push({ method: request.method ?? '', path, body: text === '' ? undefined : JSON.parse(text) });
      const answer = answers[path];
      if (request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end();
      else if (request.method !== 'GET') response.writeHead(200).end('{}');
      else if (answer === undefined) response.writeHead(path.includes('/pipelineStatus/') ? 204 : 404).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    hostPort: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    calls,
    bodies: (method, path) =>
      calls.filter((call) => call.method === method && path.test(call.path)).map((call) => call.body),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
