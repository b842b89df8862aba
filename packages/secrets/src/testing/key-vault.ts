import type { IncomingMessage, ServerResponse } from 'node:http';
import { testCertificate } from './certificate.ts';
import type { FaultSwitch } from './faults.ts';
import { act, bodyOf, createFaults, listen } from './faults.ts';

/** Azure Key Vault with the endpoints that give tokens for it, as much of them as reading takes. */
export interface TestKeyVault extends AsyncDisposable {
  /** For the option `vaultUrl`. */
  readonly url: string;
  /** For the option `ca`. */
  readonly ca: string;
  /** For AZURE_AUTHORITY_HOST: Entra, on the same server. */
  readonly authorityHost: string;
  /** For AZURE_POD_IDENTITY_AUTHORITY_HOST: the metadata endpoint of managed identities, on plain HTTP. */
  readonly metadataHost: string;
  /** A new version; `enabled: false` for one that may not be read. */
  put(name: string, value: string, options?: { readonly enabled?: boolean }): void;
  remove(name: string): void;
  /** Refuses to give this secret: `ForbiddenByRbac`, `ForbiddenByFirewall`. */
  refuse(name: string, innerCode: string, message: string): void;
  /** Tokens that are accepted; undefined for every one. */
  accept(tokens: readonly string[] | undefined): void;
  /** Method and path of each request, probes without a token included. */
  readonly calls: readonly string[];
  /** Bodies that Entra got, decoded. */
  readonly tokenRequests: readonly Readonly<Record<string, string>>[];
  readonly faults: FaultSwitch;
  readonly tokenFaults: FaultSwitch;
}

/** What the server gives to everybody who asks rightly. */
export const TEST_AZURE_TOKEN = 'test-azure-token';
/** For AZURE_TENANT_ID: the tenant that the vault says it is in. */
export const TEST_AZURE_TENANT = '00000000-0000-4000-8000-000000000001';
const RESOURCE = 'https://vault.azure.net';

interface Version {
  readonly id: string;
  readonly value: string;
  readonly enabled: boolean;
}

export async function startTestKeyVault(): Promise<TestKeyVault> {
  const tls = testCertificate();
  const secrets = new Map<string, Version[]>();
  const refusals = new Map<string, { inner: string; message: string }>();
  const faults = createFaults();
  const tokenFaults = createFaults();
  const calls: string[] = [];
  const tokenRequests: Readonly<Record<string, string>>[] = [];
  let accepted: readonly string[] | undefined;
  let counter = 0;

  const send = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
      .end(JSON.stringify(body));
  const fail = (response: ServerResponse, status: number, code: string, message: string, inner?: string): void =>
    send(response, status, {
      error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) },
    });

  const answerSecret = (path: readonly string[], host: string, response: ServerResponse): void => {
    const [, name = '', wanted = ''] = path;
    const refused = refusals.get(name);
    if (refused !== undefined) {
      fail(response, 403, 'Forbidden', refused.message, refused.inner);
      return;
    }
    const versions = secrets.get(name) ?? [];
    const version = wanted === '' ? versions.at(-1) : versions.find(({ id }) => id === wanted);
    if (version === undefined) {
      fail(response, 404, 'SecretNotFound', `A secret with (name/id) ${name} was not found in this key vault.`);
      return;
    }
    if (!version.enabled) {
      fail(response, 403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
      return;
    }
    send(response, 200, {
      value: version.value,
      id: `https://${host}/secrets/${name}/${version.id}`,
      attributes: { enabled: true, created: 1, updated: 1 },
    });
  };
  const answerVault = (url: URL, request: IncomingMessage, response: ServerResponse): void => {
    const host = request.headers.host ?? '';
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      const challenge = `Bearer authorization="https://${host}/${TEST_AZURE_TENANT}", resource="${RESOURCE}"`;
      send(response, 401, { error: { code: 'Unauthorized', message: 'no token' } }, { 'www-authenticate': challenge });
      return;
    }
    const fault = faults.take();
    if (fault !== undefined) {
      act(fault, request, response);
      return;
    }
    if (accepted !== undefined && !accepted.includes(token)) {
      fail(response, 401, 'Unauthorized', 'the token is not accepted');
      return;
    }
    answerSecret(url.pathname.split('/').filter(Boolean), host, response);
  };
  const answerEntra = (url: URL, body: string, request: IncomingMessage, response: ServerResponse): void => {
    const base = `https://${request.headers.host ?? ''}`;
    const tenant = url.pathname.split('/')[1] ?? '';
    if (url.pathname.endsWith('/openid-configuration')) {
      send(response, 200, {
        issuer: `${base}/${tenant}/v2.0`,
        authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${base}/${tenant}/keys`,
      });
      return;
    }
    tokenRequests.push(Object.fromEntries(new URLSearchParams(body)));
    const fault = tokenFaults.take();
    if (fault !== undefined) act(fault, request, response);
    else send(response, 200, { token_type: 'Bearer', expires_in: 3_600, access_token: TEST_AZURE_TOKEN });
  };
  const vault = await listen((request, response) => {
    const url = new URL(request.url ?? '/', 'https://vault');
    calls.push(`${request.method ?? ''} ${url.pathname}`);
    void bodyOf(request).then(
      (body) =>
        url.pathname.startsWith('/secrets/')
          ? answerVault(url, request, response)
          : answerEntra(url, body, request, response),
      () => undefined,
    );
  }, tls);
  const metadata = await listen((request, response) => {
    const url = new URL(request.url ?? '/', 'http://metadata');
    calls.push(`${request.method ?? ''} ${url.pathname}`);
    tokenRequests.push(Object.fromEntries(url.searchParams));
    const fault = tokenFaults.take();
    const expires = Math.floor(Date.now() / 1_000) + 3_600;
    if (fault !== undefined) act(fault, request, response);
    else if (request.headers.metadata === undefined) fail(response, 400, 'BadRequest', 'header Metadata is missing');
    else {
      send(response, 200, {
        access_token: TEST_AZURE_TOKEN,
        expires_on: String(expires),
        expires_in: '3600',
        resource: RESOURCE,
        token_type: 'Bearer',
      });
    }
  });
  return {
    url: vault.url,
    ca: tls.certificate,
    authorityHost: `https://localhost:${vault.port}`,
    metadataHost: metadata.url,
    put: (name, value, { enabled = true } = {}) => {
      counter += 1;
      const id = counter.toString(16).padStart(32, '0');
      secrets.set(name, [...(secrets.get(name) ?? []), { id, value, enabled }]);
    },
    remove: (name) => void secrets.delete(name),
    refuse: (name, inner, message) => void refusals.set(name, { inner, message }),
    accept: (tokens) => {
      accepted = tokens;
    },
    calls,
    tokenRequests,
    faults,
    tokenFaults,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([vault[Symbol.asyncDispose](), metadata[Symbol.asyncDispose]()]);
    },
  };
}
