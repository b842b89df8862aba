import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  startTestProxy,
  startTestSecretManager,
  testCertificate,
} from '@runner/secrets/testing/servers';
import { describe, expect, it } from 'vitest';

const { signal } = new AbortController();
const read = async (provider: SecretProvider, id = 'db-password'): Promise<string> =>
  (await provider.fetch(id, { signal })).value.reveal();
const credential = {
  getToken: () => Promise.resolve({ token: TEST_AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
};

async function vault() {
  const server = await startTestKeyVault();
  server.put('db-password', 'value');
  return {
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    server,
    settings: { vaultUrl: server.url, ca: server.ca, credential, trustAnyAuthority: true },
  };
}

async function amazon() {
  const server = await startTestAws({ plain: false });
  server.put('db-password', 'value');
  server.putParameter('db-password', 'value');
  const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'not-a-real-key' };
  return {
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    server,
    settings: { region: 'eu-west-1', endpoint: server.url, credentials },
  };
}

describe('a proxy', () => {
  it('is tunnelled through to both stores of AWS, by option and by the environment', async () => {
    await using place = await amazon();
    const settings = { ...place.settings, ca: place.server.ca };
    await using proxy = await startTestProxy();
    for (const create of [createAwsProvider, createAwsSsmProvider]) {
      expect(await read(create({ ...settings, proxy: proxy.url }))).toBe('value');
      expect(await read(create({ ...settings, env: { HTTPS_PROXY: proxy.url } }))).toBe('value');
      expect(await read(create({ ...settings, env: { HTTPS_PROXY: proxy.url, NO_PROXY: '127.0.0.1' } }))).toBe('value');
    }
    const { host } = new URL(place.server.url);
    expect(proxy.tunnels).toEqual([host, host, host, host]);
  });

  it('is tunnelled through to Key Vault, whose own authority is trusted at the far end', async () => {
    await using place = await vault();
    const { settings } = place;
    await using proxy = await startTestProxy();
    expect(await read(createAzureProvider({ ...settings, proxy: proxy.url }))).toBe('value');
    expect(proxy.tunnels).toEqual([new URL(place.server.url).host]);
  });

  it('comes from the environment, and NO_PROXY is heeded', async () => {
    await using place = await vault();
    const { settings } = place;
    await using proxy = await startTestProxy();
    const env = { HTTPS_PROXY: proxy.url };
    expect(await read(createAzureProvider({ ...settings, env }))).toBe('value');
    expect(proxy.tunnels).toHaveLength(1);
    expect(await read(createAzureProvider({ ...settings, env: { ...env, NO_PROXY: '127.0.0.1' } }))).toBe('value');
    expect(proxy.tunnels).toHaveLength(1);
  });

  it('that speaks TLS is trusted by the same authorities as what lies behind it', async () => {
    await using place = await vault();
    const { settings } = place;
    const tls = testCertificate();
    await using proxy = await startTestProxy({ tls });
    const both = `${settings.ca}${tls.certificate}`;
    expect(await read(createAzureProvider({ ...settings, ca: both, proxy: proxy.url }))).toBe('value');
    await expect(read(createAzureProvider({ ...settings, proxy: proxy.url }))).rejects.toMatchObject({
      code: 'secret_misconfigured',
    });
  });

  it('gets its login from its URL, and without it says what is missing, not what the login is', async () => {
    await using place = await vault();
    const { settings } = place;
    await using proxy = await startTestProxy({ login: 'user:hidden' });
    expect(await read(createAzureProvider({ ...settings, proxy: proxy.url }))).toBe('value');
    const wrong = proxy.url.replace('hidden', 'wrong');
    const error: unknown = await read(createAzureProvider({ ...settings, proxy: wrong })).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'secret_misconfigured', details: { status: 407 } });
    expect(JSON.stringify(error)).not.toContain('wrong');
  });

  it('that is down is told from a store that is down', async () => {
    await using place = await vault();
    const { settings } = place;
    const proxy = await startTestProxy();
    await proxy[Symbol.asyncDispose]();
    await expect(read(createAzureProvider({ ...settings, proxy: proxy.url }))).rejects.toMatchObject({
      code: 'secret_unreachable',
    });
    await expect(read(createAzureProvider({ ...settings, proxy: 'not a url' }))).rejects.toMatchObject({
      code: 'secret_misconfigured',
    });
  });

  it('is used for the API server when it is given, and not because of HTTPS_PROXY', async () => {
    await using server = await startTestKubernetesSecrets();
    server.put('db-password', { value: 'value' });
    await using proxy = await startTestProxy();
    const { serviceAccountFolder } = server;
    const env = { ...server.env, HTTPS_PROXY: proxy.url };
    expect(await read(createKubernetesProvider({ env, serviceAccountFolder }))).toBe('value');
    expect(proxy.tunnels).toEqual([]);
    expect(await read(createKubernetesProvider({ env, serviceAccountFolder, proxy: proxy.url }))).toBe('value');
    expect(proxy.tunnels).toEqual([new URL(server.url).host]);
  });
});

describe('an authority that is not trusted', () => {
  it('is told for both stores of AWS; AWS_CA_BUNDLE names the right one', async () => {
    await using place = await amazon();
    const { settings } = place;
    await using folder = await startTestKubernetesSecrets();
    const bundle = join(folder.serviceAccountFolder, 'bundle.pem');
    await writeFile(bundle, place.server.ca);
    for (const create of [createAwsProvider, createAwsSsmProvider]) {
      await expect(read(create(settings))).rejects.toMatchObject({
        code: 'secret_misconfigured',
        details: { errno: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      });
      expect(await read(create({ ...settings, env: { AWS_CA_BUNDLE: bundle } }))).toBe('value');
    }
  });

  it('is told for Key Vault, with the way out', async () => {
    await using place = await vault();
    const { settings } = place;
    const { vaultUrl } = settings;
    await expect(read(createAzureProvider({ vaultUrl, credential, trustAnyAuthority: true }))).rejects.toMatchObject({
      code: 'secret_misconfigured',
      details: { errno: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      hint: expect.stringContaining('option ca') as unknown,
    });
  });

  it('is told for the API server', async () => {
    await using server = await startTestKubernetesSecrets();
    await writeFile(join(server.serviceAccountFolder, 'ca.crt'), testCertificate().certificate);
    const { env, serviceAccountFolder } = server;
    await expect(read(createKubernetesProvider({ env, serviceAccountFolder }))).rejects.toMatchObject({
      code: 'secret_misconfigured',
      hint: expect.stringContaining('ca.crt') as unknown,
    });
  });

  it('is told for Secret Manager, and the right one is trusted', async () => {
    await using server = await startTestSecretManager({ plain: false });
    server.put('db-password', 'value');
    const settings = {
      project: 'test-project',
      endpoint: server.url,
      accessToken: () => Promise.resolve('test-token'),
    };
    const trusting = createGcpProvider({ ...settings, ca: server.ca });
    expect(await read(trusting)).toBe('value');
    expect(server.authorizations).toEqual(['Bearer test-token']);
    const distrusting = createGcpProvider(settings);
    await expect(read(distrusting)).rejects.toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('certificate') as unknown,
    });
    await Promise.all([trusting.close?.(), distrusting.close?.()]);
  });

  it('may be named by a file of the environment; one that cannot be read is told', async () => {
    await using place = await vault();
    const { settings } = place;
    await using folder = await startTestKubernetesSecrets();
    const { ca, ...without } = settings;
    const file = join(folder.serviceAccountFolder, 'bundle.pem');
    await writeFile(file, ca);
    expect(await read(createAzureProvider({ ...without, env: { REQUESTS_CA_BUNDLE: file } }))).toBe('value');
    await expect(
      read(createAzureProvider({ ...without, env: { REQUESTS_CA_BUNDLE: `${file}.absent` } })),
    ).rejects.toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('REQUESTS_CA_BUNDLE') as unknown,
    });
  });
});
