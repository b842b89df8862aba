import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** What a cloud says instead of what it should. */
export interface CloudFault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type CloudService = 'ecr' | 'sts' | 'container' | 'discovery' | 'entra' | 'acr' | 'google' | 'metadata';

export interface CloudCall {
  readonly service: CloudService;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** The logins of three clouds on one port, in the formats that they speak. */
export interface TestClouds extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly calls: readonly CloudCall[];
  of(service: CloudService): readonly CloudCall[];
  /** The next calls of a service meet these, one each; after them all is well again. */
  next(service: CloudService, ...faults: readonly CloudFault[]): void;
  /** Every call of a service meets this. */
  always(service: CloudService, fault: CloudFault): void;
  /** Passwords that were given away, in order. None of them is a real one. */
  readonly passwords: readonly string[];
}

export interface TestCloudsOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** How long tokens last, in milliseconds. Default 12 hours. */
  readonly lifetimeMs?: number;
  /** Called after every token of a registry. */
  readonly onToken?: () => void;
}

/** An error as the services of AWS that speak JSON write it. */
export const awsError = (type: string, status = 400): CloudFault => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify({ __type: type, message: 'said by the test' }),
});

export async function startTestClouds({
  tls,
  lifetimeMs = 12 * 3_600_000,
  onToken,
}: TestCloudsOptions = {}): Promise<TestClouds> {
  const calls: CloudCall[] = [];
  const queues = new Map<CloudService, CloudFault[]>();
  const standing = new Map<CloudService, CloudFault>();
  const passwords: string[] = [];
  const give = (): string => {
    const password = `not-a-real-token-${passwords.length + 1}`;
    passwords.push(password);
    onToken?.();
    return password;
  };
  const json = (response: ServerResponse, body: unknown, type = 'application/json'): void =>
    void response.writeHead(200, { 'content-type': type, 'metadata-flavor': 'Google' }).end(JSON.stringify(body));
  const answers: Readonly<Record<CloudService, (response: ServerResponse, request: IncomingMessage) => void>> = {
    ecr: (response) =>
      json(
        response,
        {
          authorizationData: [
            {
              authorizationToken: Buffer.from(`AWS:${give()}`).toString('base64'),
              expiresAt: (Date.now() + lifetimeMs) / 1_000,
              proxyEndpoint: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com',
            },
          ],
        },
        'application/x-amz-json-1.1',
      ),
    sts: (response) => void response.writeHead(200, { 'content-type': 'text/xml' }).end(stsAnswer()),
    container: (response) =>
      json(response, {
        AccessKeyId: 'ASIATESTTESTTESTTEST',
        SecretAccessKey: 'test-secret-access-key',
        Token: 'test-token',
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    discovery: (response, request) => {
      const base = `https://${request.headers.host ?? ''}/${request.url?.split('/')[1] ?? ''}`;
      json(response, {
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/keys`,
      });
    },
    entra: (response) => json(response, { token_type: 'Bearer', expires_in: 3_600, access_token: 'test-entra-token' }),
    acr: (response) => {
      const exp = Math.floor((Date.now() + lifetimeMs) / 1_000);
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      json(response, { refresh_token: `${part({ alg: 'none' })}.${part({ exp, jti: give() })}.signature` });
    },
    google: (response) =>
      json(response, { access_token: give(), expires_in: lifetimeMs / 1_000, token_type: 'Bearer' }),
    metadata: (response, request) => {
      if (request.url?.endsWith('/token') === true || request.url?.includes('/token?') === true) {
        json(response, { access_token: give(), expires_in: lifetimeMs / 1_000, token_type: 'Bearer' });
      } else response.writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'text/plain' }).end('default');
    },
  };
  const listener: RequestListener = (request, response) => {
    void bodyOf(request).then((body) => {
      const service = serviceOf(request, body);
      calls.push({ service, headers: request.headers, body });
      const fault = queues.get(service)?.shift() ?? standing.get(service);
      if (fault === undefined) answers[service](response, request);
      else response.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '');
    });
  };
  const { server, close } = await listen(tls === undefined ? createServer(listener) : createTlsServer(tls, listener));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    calls,
    of: (service) => calls.filter((call) => call.service === service),
    next: (service, ...faults) => void queues.set(service, [...(queues.get(service) ?? []), ...faults]),
    always: (service, fault) => void standing.set(service, fault),
    passwords,
    [Symbol.asyncDispose]: close,
  };
}

function serviceOf({ headers, url = '' }: IncomingMessage, body: string): CloudService {
  if (String(headers['x-amz-target'] ?? '').startsWith('AmazonEC2ContainerRegistry_V20150921.')) return 'ecr';
  if (body.includes('Action=AssumeRoleWithWebIdentity')) return 'sts';
  if (url.startsWith('/v1/credentials')) return 'container';
  if (url === '/oauth2/exchange') return 'acr';
  if (url.startsWith('/google/token')) return 'google';
  if (url.startsWith('/computeMetadata')) return 'metadata';
  return url.includes('openid-configuration') ? 'discovery' : 'entra';
}

function stsAnswer(): string {
  const fields = {
    AccessKeyId: 'ASIATESTTESTTESTTEST',
    SecretAccessKey: 'test-secret-access-key',
    SessionToken: 'test-token',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const inner = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`);
  return (
    '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>' +
    `<Credentials>${inner.join('')}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
  );
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

async function listen<T extends Server>(
  server: T,
): Promise<{ readonly server: T; readonly close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that goes away is no fault of the server.
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { server, close };
}
