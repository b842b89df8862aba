import { isRunnerError } from '@runner/core';
import type { SecretProvider } from '@runner/secrets';
import { createAwsProvider, createAwsSsmProvider } from '@runner/secrets/aws';
import { createAzureProvider } from '@runner/secrets/azure';
import { createGcpProvider } from '@runner/secrets/gcp';
import { createKubernetesProvider } from '@runner/secrets/kubernetes';
import {
  TEST_AZURE_TOKEN,
  startTestAws,
  startTestKeyVault,
  startTestKubernetesSecrets,
  startTestSecretManager,
} from '@runner/secrets/testing/servers';
import { describe, expect, it } from 'vitest';

interface Place extends AsyncDisposable {
  readonly provider: SecretProvider;
  /** Calls for secrets that the store got. */
  readonly calls: () => number;
  /** The next call is throttled, the one after it is answered. */
  readonly throttleOnce: () => void;
}

const RETRY_AFTER = { kind: 'answer', status: 429, headers: { 'retry-after': '1' } } as const;
const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'not-a-real-key' };

async function amazon(create: typeof createAwsProvider): Promise<Place> {
  const server = await startTestAws();
  server.put('db', 'value');
  server.putParameter('db', 'value');
  return {
    provider: create({ region: 'eu-west-1', endpoint: server.url, credentials }),
    calls: () => server.calls.length,
    throttleOnce: () => server.faults.next({ ...RETRY_AFTER, body: '{"__type":"ThrottlingException"}' }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const PLACES: readonly (readonly [string, () => Promise<Place>])[] = [
  ['AWS Secrets Manager', () => amazon(createAwsProvider)],
  ['AWS Parameter Store', () => amazon(createAwsSsmProvider)],
  [
    'Azure Key Vault',
    async () => {
      const server = await startTestKeyVault();
      server.put('db', 'value');
      const credential = {
        getToken: () => Promise.resolve({ token: TEST_AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
      };
      return {
        provider: createAzureProvider({ vaultUrl: server.url, ca: server.ca, credential, trustAnyAuthority: true }),
        calls: () => server.calls.length,
        throttleOnce: () => server.faults.next({ ...RETRY_AFTER, body: '{"error":{"code":"Throttled","message":""}}' }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  ],
  [
    'Google Secret Manager',
    async () => {
      const server = await startTestSecretManager();
      server.put('db', 'value');
      return {
        provider: createGcpProvider({ project: 'test-project', endpoint: server.url }),
        calls: () => server.calls.length,
        throttleOnce: () => server.failNext(8),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  ],
  [
    'Kubernetes',
    async () => {
      const server = await startTestKubernetesSecrets();
      server.put('db', { value: 'value' });
      const { env, serviceAccountFolder } = server;
      return {
        provider: createKubernetesProvider({ env, serviceAccountFolder }),
        calls: () => server.calls.length,
        throttleOnce: () => server.faults.next(RETRY_AFTER),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  ],
];
const { signal } = new AbortController();

describe.each(PLACES)('%s', (_name, open) => {
  it('is asked once: repeating is not left to the SDK, which waits in its own way', async () => {
    await using place = await open();
    const { provider } = place;
    // What a client does before its first answer (probes, tokens) is not counted.
    expect((await provider.fetch('db', { signal })).value.reveal()).toBe('value');
    const before = place.calls();
    place.throttleOnce();
    await expect(provider.fetch('db', { signal })).rejects.toMatchObject({ code: 'secret_throttled', retryable: true });
    expect(place.calls()).toBe(before + 1);
    expect((await provider.fetch('db', { signal })).value.reveal()).toBe('value');
    await provider.close?.();
  });

  it('gives a value or an error of ours once it is closed, and ends no process', async () => {
    await using place = await open();
    const { provider } = place;
    await provider.fetch('db', { signal });
    await provider.close?.();
    const outcome = await provider.fetch('db', { signal }).then(
      ({ value }) => value.reveal(),
      (error: unknown) => isRunnerError(error),
    );
    expect([true, 'value']).toContain(outcome);
    await provider.close?.();
  });
});
