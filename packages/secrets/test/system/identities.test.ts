import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  TEST_AZURE_TENANT,
  TEST_AZURE_TOKEN,
  startTestAws,
  startTestKeyVault,
  startTestSecretManager,
} from '@runner/secrets/testing/servers';
import { describe, expect, it } from 'vitest';
import { ask } from '../programs/ask-program.ts';

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'identity-'));
  return {
    write: async (name: string, text: string): Promise<string> => {
      await writeFile(join(path, name), text);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

const JWT = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"x"}').toString('base64url')}.x`;

async function aws() {
  const server = await startTestAws();
  server.put('db-password', 'value');
  const env = {
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_ENDPOINT_URL: server.url,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return { server, env, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('in AWS', () => {
  it('a web identity token (IRSA) becomes credentials, from the environment alone', async () => {
    await using files = await folder();
    await using place = await aws();
    const token = await files.write('token', JWT);
    const env = {
      ...place.env,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pods',
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
    };
    const asked = await ask('managed-aws', { env });
    expect(asked).toMatchObject({
      value: 'value',
      identity: 'role arn:aws:iam::123456789012:role/pods by web identity (IRSA)',
    });
    expect(place.server.calls).toEqual(['AssumeRoleWithWebIdentity', 'GetSecretValue']);

    const refused = { status: 403, headers: { 'content-type': 'text/xml' } };
    const body =
      '<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>';
    place.server.credentialFaults.always({ kind: 'answer', ...refused, body });
    expect((await ask('aws', { env })).error).toMatchObject({
      code: 'secret_forbidden',
      details: { permission: 'sts:AssumeRoleWithWebIdentity on the role' },
    });

    place.server.credentialFaults.always({ kind: 'reset' });
    expect((await ask('aws', { env })).error).toMatchObject({ code: 'secret_unreachable' });
    place.server.credentialFaults.always({ kind: 'hang' });
    expect((await ask('aws', { env, options: { callTimeoutMs: 1_000 } })).error).toMatchObject({
      code: 'secret_timed_out',
    });

    const absent = await ask('aws', { env: { ...env, AWS_WEB_IDENTITY_TOKEN_FILE: `${token}.absent` } });
    expect(absent.error).toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('ENOENT') as unknown,
    });
  });

  it('the container endpoint (EKS Pod Identity) is asked with the content of its token file', async () => {
    await using files = await folder();
    await using place = await aws();
    const env = {
      ...place.env,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: place.server.containerCredentialsUrl,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: await files.write('token', 'pod-token'),
    };
    expect(await ask('aws', { env })).toMatchObject({ value: 'value' });
    expect(place.server.authorizations[0]).toBe('pod-token');
    const down = await ask('aws', { env: { ...env, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/x' } });
    expect(down.error).toMatchObject({ code: 'secret_unreachable' });
  });

  it('nothing to ask with, no region and a zone for a region are each told', async () => {
    await using place = await aws();
    expect((await ask('aws', { env: place.env })).error).toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('no AWS credentials') as unknown,
    });
    expect((await ask('aws', { env: { ...place.env, AWS_DEFAULT_REGION: '' } })).error?.hint).toContain(
      'AWS_DEFAULT_REGION',
    );
    const zone = await ask('aws-ssm', { env: { ...place.env, AWS_DEFAULT_REGION: 'eu-west-1a' } });
    expect(zone.error?.hint).toBe('it is a zone; its region is eu-west-1');
  });

  it('a clock that is wrong is corrected by the answer, once', async () => {
    await using place = await aws();
    const ahead = new Date(Date.now() + 3_600_000).toUTCString();
    place.server.faults.next({
      kind: 'answer',
      status: 403,
      headers: { date: ahead },
      body: '{"__type":"InvalidSignatureException","message":"Signature not yet current"}',
    });
    const env = { ...place.env, AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST', AWS_SECRET_ACCESS_KEY: 'not-a-real-key' };
    expect(await ask('aws', { env })).toMatchObject({ value: 'value', identity: 'access key AKIA…TEST' });
    expect(place.server.calls).toEqual(['GetSecretValue', 'GetSecretValue']);
  });
});

async function azure() {
  const server = await startTestKeyVault();
  server.put('db-password', 'value');
  const options = { azure: { vaultUrl: server.url, ca: server.ca, trustAnyAuthority: true } };
  return { server, options, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('in Azure', () => {
  it('a workload identity exchanges the token of its service account', async () => {
    await using files = await folder();
    await using place = await azure();
    const env = {
      AZURE_TENANT_ID: TEST_AZURE_TENANT,
      AZURE_CLIENT_ID: '00000000-0000-4000-8000-000000000002',
      AZURE_FEDERATED_TOKEN_FILE: await files.write('token', JWT),
      AZURE_AUTHORITY_HOST: place.server.authorityHost,
    };
    const { options } = place;
    expect(await ask('managed-azure-kv', { env, options })).toMatchObject({
      value: 'value',
      identity: `client ${env.AZURE_CLIENT_ID} by workload identity`,
    });
    expect(place.server.tokenRequests[0]).toMatchObject({
      client_assertion: JWT,
      scope: expect.stringContaining('vault.azure.net') as unknown,
    });

    const body = JSON.stringify({
      error: 'invalid_client',
      error_description: 'AADSTS700213: No matching federated identity record found',
    });
    place.server.tokenFaults.always({ kind: 'answer', status: 401, body });
    expect((await ask('azure-kv', { env, options })).error).toMatchObject({
      code: 'secret_forbidden',
      message: expect.stringContaining('AADSTS700213') as unknown,
      hint: expect.stringContaining('system:serviceaccount:') as unknown,
    });
    const elsewhere = { ...env, AZURE_TENANT_ID: '00000000-0000-4000-8000-000000000009' };
    expect((await ask('azure-kv', { env: elsewhere, options })).error).toMatchObject({
      code: 'secret_misconfigured',
      hint: 'set AZURE_TENANT_ID to the tenant of the vault',
    });
    const absent = { ...env, AZURE_FEDERATED_TOKEN_FILE: '/nonexistent/token' };
    expect((await ask('azure-kv', { env: absent, options })).error).toMatchObject({ code: 'secret_misconfigured' });
    place.server.tokenFaults.always({ kind: 'hang' });
    const hung = await ask('azure-kv', { env, options: { ...options, callTimeoutMs: 1_000 } });
    expect(hung.error).toMatchObject({ code: 'secret_timed_out' });
  });

  it('a managed identity is asked for at the metadata address', async () => {
    await using place = await azure();
    const env = {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: place.server.metadataHost,
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    };
    expect(await ask('azure-kv', { env, options: place.options })).toMatchObject({ value: 'value' });
    expect(place.server.calls).toContain('GET /metadata/identity/oauth2/token/');
  });

  it('a metadata address that has no identity, that is down, and no way to ask at all are each told', async () => {
    await using place = await azure();
    const { options } = place;
    const env = {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: place.server.metadataHost,
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    };
    place.server.tokenFaults.always({ kind: 'answer', status: 400, body: '{"error":"invalid_request"}' });
    expect((await ask('azure-kv', { env, options })).error).toMatchObject({
      code: 'secret_misconfigured',
      details: { provider: 'azure-kv', id: 'db-password' },
    });
    const down = { ...env, AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' };
    const asked = await ask('azure-kv', { env: down, options: { ...options, callTimeoutMs: 10_000 } });
    expect(['secret_misconfigured', 'secret_unreachable', 'secret_timed_out']).toContain(asked.error?.code);
    const without = { AZURE_TOKEN_CREDENTIALS: 'EnvironmentCredential' };
    expect((await ask('azure-kv', { env: without, options })).error).toMatchObject({ code: 'secret_misconfigured' });
  });

  it('an authority that is down is told', async () => {
    await using files = await folder();
    await using place = await azure();
    const env = {
      AZURE_TENANT_ID: TEST_AZURE_TENANT,
      AZURE_CLIENT_ID: '00000000-0000-4000-8000-000000000002',
      AZURE_FEDERATED_TOKEN_FILE: await files.write('token', JWT),
      AZURE_AUTHORITY_HOST: 'https://127.0.0.1:9',
    };
    expect((await ask('azure-kv', { env, options: place.options })).error).toMatchObject({
      code: 'secret_unreachable',
    });
  });

  it('the loudest log of the SDK writes neither value nor token', async () => {
    await using place = await azure();
    place.server.put('db-password', 'not-a-real-value');
    const env = {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: place.server.metadataHost,
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
      AZURE_LOG_LEVEL: 'verbose',
    };
    const asked = await ask('azure-kv', { env, options: place.options });
    expect(asked).toMatchObject({ value: 'not-a-real-value' });
    expect(asked.noise).toContain('azure:');
    expect(asked.noise).not.toContain('not-a-real-value');
    expect(asked.noise).not.toContain(TEST_AZURE_TOKEN);
  });

  it('a metadata address that never answers, which no setting of the SDK bounds, is bounded here', async () => {
    await using place = await azure();
    place.server.tokenFaults.always({ kind: 'hang' });
    const env = {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: place.server.metadataHost,
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    };
    const asked = await ask('azure-kv', {
      env,
      options: { ...place.options, callTimeoutMs: 1_000 },
      node: ['--import', './end-after.ts'],
    });
    expect(asked.error).toMatchObject({
      code: 'secret_timed_out',
      details: { provider: 'azure-kv', id: 'db-password' },
    });
  });

  it('no vault, and a URL for its name, are told', async () => {
    expect((await ask('azure-kv', {})).error).toMatchObject({
      code: 'secret_misconfigured',
      hint: expect.stringContaining('AZURE_KEY_VAULT_NAME') as unknown,
    });
    const url = await ask('azure-kv', { env: { AZURE_KEY_VAULT_NAME: 'https://x.vault.azure.net' } });
    expect(url.error).toMatchObject({ code: 'secret_misconfigured' });
  });
});

/** What gives tokens in Google Cloud: the metadata server, and the exchange of workload identity federation. */
async function googleTokens() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    asked.push(url);
    response.setHeader('metadata-flavor', 'Google');
    response.setHeader('content-type', 'application/json');
    if (url.includes('/token'))
      response.end(
        JSON.stringify({
          access_token: 'test-google-token',
          expires_in: 3_600,
          token_type: 'Bearer',
          issued_token_type: 'x',
        }),
      );
    else if (url.includes('universe')) response.writeHead(404).end();
    else response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

describe('in Google Cloud', () => {
  const settings = async () => {
    const server = await startTestSecretManager({ plain: false });
    server.put('db-password', 'value');
    return {
      server,
      options: { gcp: { project: 'test-project', endpoint: server.url, ca: server.ca } },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };

  it('the metadata server (GKE workload identity) gives the token', async () => {
    await using place = await settings();
    await using tokens = await googleTokens();
    const env = { GCE_METADATA_HOST: tokens.host, METADATA_SERVER_DETECTION: 'assume-present' };
    const asked = await ask('gcp', { env, options: place.options });
    expect(asked).toMatchObject({ value: 'value', identity: expect.stringContaining('metadata server') as unknown });
    expect(place.server.authorizations).toEqual(['Bearer test-google-token']);
  });

  it('the file that GOOGLE_APPLICATION_CREDENTIALS names is used, here for workload identity federation', async () => {
    await using place = await settings();
    await using files = await folder();
    await using tokens = await googleTokens();
    const subject = await files.write('subject', JWT);
    const file = await files.write(
      'credentials.json',
      JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `http://${tokens.host}/token`,
        credential_source: { file: subject },
      }),
    );
    const env = { GOOGLE_APPLICATION_CREDENTIALS: file, METADATA_SERVER_DETECTION: 'none' };
    expect(await ask('gcp', { env, options: place.options })).toMatchObject({ value: 'value' });
    expect(place.server.authorizations).toEqual(['Bearer test-google-token']);
    const absent = { ...env, GOOGLE_APPLICATION_CREDENTIALS: `${file}.absent` };
    expect((await ask('gcp', { env: absent, options: place.options })).error).toMatchObject({
      code: 'secret_misconfigured',
    });
  });

  it('without credentials the call fails and the process lives, although the SDK rejects a promise that nobody holds', async () => {
    await using place = await settings();
    const asked = await ask('gcp', { env: { METADATA_SERVER_DETECTION: 'none' }, options: place.options });
    expect(asked.error).toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('no Google credentials') as unknown,
    });
    expect(asked.noise).toBe('');
  });

  it('the switch with which the SDK writes secrets to the log stops everything', async () => {
    await using place = await settings();
    for (const value of ['all', 'secret-manager']) {
      const asked = await ask('gcp', {
        env: { GOOGLE_SDK_NODE_LOGGING: value, METADATA_SERVER_DETECTION: 'none' },
        options: place.options,
      });
      expect(asked.error).toMatchObject({ code: 'secret_misconfigured', hint: 'unset GOOGLE_SDK_NODE_LOGGING' });
    }
    expect(place.server.calls).toEqual([]);
  });

  it('no project is told', async () => {
    expect((await ask('gcp', {})).error).toMatchObject({
      code: 'secret_misconfigured',
      hint: expect.stringContaining('GOOGLE_CLOUD_PROJECT') as unknown,
    });
  });
});

describe('an SDK that is not installed', () => {
  it.each([
    ['aws', '@aws-sdk/client-secrets-manager', { AWS_DEFAULT_REGION: 'eu-west-1' }],
    ['managed-aws-ssm', '@aws-sdk/client-ssm', { AWS_DEFAULT_REGION: 'eu-west-1' }],
    ['azure-kv', '@azure/keyvault-secrets', { AZURE_KEY_VAULT_NAME: 'test-vault' }],
    ['gcp', '@google-cloud/secret-manager', { GOOGLE_CLOUD_PROJECT: 'test-project' }],
    [
      'kubernetes',
      '@kubernetes/client-node',
      { KUBERNETES_KUBECONFIG_PATH: '/nonexistent', KUBERNETES_NAMESPACE: 'x' },
    ],
  ])('is named for %s: %s', async (name, missing, env) => {
    const asked = await ask(name, {
      env,
      node: ['--import', './without-sdks.ts'],
    });
    expect(asked.error).toMatchObject({ code: 'secret_sdk_missing', hint: `npm install ${missing}` });
  });
});

it.each(['db', 'noop', 'in-memory', 'openbao', 'vault', ''])(
  'the secrets manager %j is refused with the names that work',
  async (name) => {
    await expect(ask(name, {})).rejects.toThrow(/use one of|resolves no references|no secrets manager/);
  },
);
