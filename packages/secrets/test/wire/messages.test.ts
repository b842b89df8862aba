import { inspect } from 'node:util';
import type { SecretProvider } from '@runner/secrets';
import { createRoutingProvider, createSecretResolver, isSecretError } from '@runner/secrets';
import { createAwsProvider, createAwsSsmProvider } from '@runner/secrets/aws';
import { createAzureProvider } from '@runner/secrets/azure';
import { createGcpProvider } from '@runner/secrets/gcp';
import {
  TEST_AZURE_TOKEN,
  startTestAws,
  startTestKeyVault,
  startTestSecretManager,
} from '@runner/secrets/testing/servers';
import { describe, expect, it } from 'vitest';

const { signal } = new AbortController();
const failure = async (
  provider: SecretProvider,
  id: string,
): Promise<{ message: string; hint?: string; details?: unknown }> => {
  const error: unknown = await provider.fetch(id, { signal }).catch((caught: unknown) => caught);
  if (!isSecretError(error)) throw new Error('an error of secrets was expected');
  return error.toJSON();
};
const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'not-a-real-key' };
const ROLE = 'arn:aws:sts::123456789012:assumed-role/pods/session';
const containing = (text: string): unknown => expect.stringContaining(text);

async function aws(options: { readonly selectors?: boolean } = {}) {
  const server = await startTestAws();
  const settings = { region: 'eu-west-1', endpoint: server.url, credentials, ...options };
  return {
    server,
    secrets: createAwsProvider(settings),
    parameters: createAwsSsmProvider(settings),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('a refusal by AWS', () => {
  it('names role, action and ARN, and what the official module allows', async () => {
    await using place = await aws();
    place.server.refuse(
      '/team/db',
      'AccessDeniedException',
      `User: ${ROLE} is not authorized to perform: secretsmanager:GetSecretValue on resource: /team/db because no identity-based policy allows it`,
    );
    expect(await failure(place.secrets, '/team/db')).toMatchObject({
      code: 'secret_forbidden',
      message: containing(ROLE),
      hint: containing('/collate/hybrid-ingestion-runner/'),
      details: {
        identity: ROLE,
        permission:
          'secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:123456789012:secret:/team/db-??????',
      },
    });
  });

  it('does not blame the prefix when the name is below it', async () => {
    await using place = await aws();
    const id = '/collate/hybrid-ingestion-runner/db';
    place.server.refuse(
      id,
      'AccessDeniedException',
      `User: ${ROLE} is not authorized to perform: secretsmanager:GetSecretValue on resource: ${id} with an explicit deny`,
    );
    const { hint } = await failure(place.secrets, id);
    expect(hint).not.toContain('Terraform');
    expect(hint).toContain('explicitly');
  });

  it('names the key of KMS and the action on parameters', async () => {
    await using place = await aws();
    place.server.refuse('db', 'AccessDeniedException', 'Access to KMS is not allowed');
    expect(await failure(place.secrets, 'db')).toMatchObject({
      details: { permission: 'kms:Decrypt on the key of the secret' },
    });
    place.server.refuse(
      '/team/db',
      'AccessDeniedException',
      `User: ${ROLE} is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/team/db`,
    );
    expect(await failure(place.parameters, '/team/db')).toMatchObject({
      details: { permission: 'ssm:GetParameter on arn:aws:ssm:eu-west-1:123456789012:parameter/team/db' },
    });
  });

  it('tells a name that is not there from one without a value, and says how to bring back a deleted one', async () => {
    await using place = await aws();
    expect((await failure(place.secrets, 'absent')).message).toContain('there is no secret');
    place.server.refuse(
      'empty',
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    );
    expect((await failure(place.secrets, 'empty')).message).toContain('no value yet');
    place.server.put('gone', 'x');
    place.server.markDeleted('gone');
    expect((await failure(place.secrets, 'gone')).hint).toContain('restore-secret --secret-id gone');
  });

  it('never repeats what the answer was, however strange', async () => {
    await using place = await aws();
    for (const body of ['{"SecretString":"hidden-value"', '<html>hidden-value</html>', '{"__type":"hidden-value"}']) {
      for (const status of [200, 400, 500]) {
        place.server.faults.next({ kind: 'answer', status, body });
        const error: unknown = await place.secrets.fetch('db', { signal }).catch((caught: unknown) => caught);
        expect(isSecretError(error)).toBe(true);
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden-value');
      }
    }
  });
});

describe('selectors in AWS', () => {
  it('reach a key, a version, a stage, and a version of a parameter', async () => {
    await using place = await aws({ selectors: true });
    place.server.put('db', '{"password":"old"}');
    const old = await place.secrets.fetch('db', { signal });
    place.server.put('db', '{"password":"new"}');
    const read = async (id: string): Promise<string> => (await place.secrets.fetch(id, { signal })).value.reveal();
    expect(await read('db#json=password')).toBe('new');
    expect(await read('db#json=password&stage=AWSPREVIOUS')).toBe('old');
    expect(await read(`db#version=${old.version ?? ''}&json=password`)).toBe('old');
    place.server.putParameter('p', 'one');
    place.server.putParameter('p', 'two');
    expect((await place.parameters.fetch('p#version=1', { signal })).value.reveal()).toBe('one');
    expect((await place.parameters.fetch('p', { signal })).value.reveal()).toBe('two');
  });
});

describe('many references to AWS', () => {
  it('take a call for twenty; a deleted and a denied one fail alone', async () => {
    await using place = await aws();
    const ids = Array.from({ length: 100 }, (_, index) => `id-${index}`);
    for (const id of ids) place.server.put(id, `value of ${id}`);
    place.server.markDeleted('id-7');
    place.server.refuse('id-8', 'AccessDeniedException', 'no');
    await using resolver = createSecretResolver({ provider: place.secrets });
    const references = Array.from({ length: 1_000 }, (_, index) => `secret:id-${index % 100}`);
    const answers = await resolver.resolveAll(references);
    expect(place.server.calls).toEqual(Array.from({ length: 5 }, () => 'BatchGetSecretValue'));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(980);
    expect(answers.map((answer) => (answer.ok ? 'ok' : answer.error.code)).slice(6, 10)).toEqual([
      'ok',
      'secret_disabled',
      'secret_forbidden',
      'ok',
    ]);
  });

  it('are asked for one by one without the right to batch', async () => {
    await using place = await aws();
    for (const id of ['a', 'b', 'c']) place.server.put(id, id);
    place.server.refuseOperation('BatchGetSecretValue', 'AccessDeniedException', 'no');
    await using resolver = createSecretResolver({ provider: place.secrets });
    const answers = await resolver.resolveAll(['secret:a', 'secret:b', 'secret:c']);
    expect(answers.every((answer) => answer.ok)).toBe(true);
    expect(place.server.calls).toEqual(['BatchGetSecretValue', 'GetSecretValue', 'GetSecretValue', 'GetSecretValue']);
  });
});

describe('a refusal by Azure', () => {
  it('names role and vault, and the application that asked', async () => {
    await using server = await startTestKeyVault();
    const credential = {
      getToken: () => Promise.resolve({ token: TEST_AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
    };
    const provider = createAzureProvider({ vaultUrl: server.url, ca: server.ca, credential, trustAnyAuthority: true });
    const app = '11111111-1111-4111-8111-111111111111';
    server.refuse(
      'db',
      'ForbiddenByRbac',
      `Caller is not authorized to perform action on resource. Caller: appid=${app};oid=${app};iss=https://sts`,
    );
    expect(await failure(provider, 'db')).toMatchObject({
      message: containing(app),
      details: { permission: containing(`role Key Vault Secrets User on ${server.url}`) },
    });
    server.refuse('db', 'ForbiddenByFirewall', 'Client address is not authorized');
    expect((await failure(provider, 'db')).hint).toContain('Networking');
    server.faults.next({ kind: 'answer', status: 429, headers: { 'retry-after': '4' }, body: '' });
    expect(await failure(provider, 'other')).toMatchObject({
      code: 'secret_throttled',
      details: { retryAfterMs: 4_000 },
    });
  });

  it('is not given at all to a vault that asks for a token of another domain', async () => {
    await using server = await startTestKeyVault();
    let given = 0;
    const credential = {
      getToken: () => {
        given += 1;
        return Promise.resolve({ token: TEST_AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 });
      },
    };
    const provider = createAzureProvider({ vaultUrl: server.url, ca: server.ca, credential });
    expect(await failure(provider, 'db')).toMatchObject({
      code: 'secret_misconfigured',
      message: containing('another domain'),
    });
    expect(given).toBe(0);
  });
});

describe('selectors in Azure', () => {
  it('reach a version and a key; a version that is not there is absent, not failed', async () => {
    await using server = await startTestKeyVault();
    const credential = {
      getToken: () => Promise.resolve({ token: TEST_AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
    };
    const settings = { vaultUrl: server.url, ca: server.ca, credential, trustAnyAuthority: true, selectors: true };
    const provider = createAzureProvider(settings);
    server.put('db', '{"password":"old"}');
    const { version = '' } = await provider.fetch('db', { signal });
    server.put('db', '{"password":"new"}');
    expect((await provider.fetch('db#json=password', { signal })).value.reveal()).toBe('new');
    const old = await provider.fetch(`db#version=${version}&json=password`, { signal });
    expect(old.value.reveal()).toBe('old');
    expect(await failure(provider, 'db#version=00000000000000000000000000000000')).toMatchObject({
      code: 'secret_not_found',
    });
  });
});

describe('a refusal by Google', () => {
  it('names role, project and secret, and how long to wait', async () => {
    await using server = await startTestSecretManager();
    const provider = createGcpProvider({ project: 'test-project', endpoint: server.url });
    server.refuse(
      'db',
      7,
      "Permission 'secretmanager.versions.access' denied for resource 'projects/test-project/secrets/db/versions/latest' (or it may not exist).",
    );
    expect(await failure(provider, 'db')).toMatchObject({
      code: 'secret_forbidden',
      details: { permission: containing('roles/secretmanager.secretAccessor on the project test-project') },
    });
    server.refuse('busy', 8, 'Quota exceeded', { 'grpc-retry-pushback-ms': '5000' });
    expect(await failure(provider, 'busy')).toMatchObject({
      code: 'secret_throttled',
      details: { retryAfterMs: 5_000 },
    });
    server.put('db2', 'one');
    server.put('db2', 'two');
    const selecting = createGcpProvider({ project: 'test-project', endpoint: server.url, selectors: true });
    expect((await selecting.fetch('db2#version=1', { signal })).value.reveal()).toBe('one');
    expect((await failure(selecting, 'db2#version=9')).message).toContain('no such version');
    await Promise.all([provider.close?.(), selecting.close?.()]);
  });
});

describe('several stores behind one resolver', () => {
  it('are chosen by the reference, and closed together', async () => {
    await using place = await aws({ selectors: true });
    await using google = await startTestSecretManager();
    place.server.put('db', '{"password":"from aws"}');
    google.put('db', 'from google');
    const gcp = createGcpProvider({ project: 'test-project', endpoint: google.url });
    const provider = createRoutingProvider({ providers: { aws: place.secrets, gcp }, primary: 'aws' });
    await using resolver = createSecretResolver({ provider });
    const value = async (reference: string): Promise<string> => (await resolver.resolve(reference)).reveal();
    expect(await value('secret:db#json=password')).toBe('from aws');
    expect(await value('secret:db#provider=gcp')).toBe('from google');
    expect(await value('secret:db#json=password&provider=aws')).toBe('from aws');
    await expect(resolver.resolve('secret:db#provider=other')).rejects.toMatchObject({ code: 'secret_malformed_id' });
    expect(() => createRoutingProvider({ providers: {}, primary: 'aws' })).toThrow('no provider');
  });
});
