import { createAzureProvider } from '@runner/secrets/azure';
import type { SecretProvider } from '@runner/secrets';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import type { TestKeyVault } from '@runner/secrets/testing/servers';
import { TEST_AZURE_TOKEN, startTestKeyVault } from '@runner/secrets/testing/servers';

interface Harness extends ProviderHarness {
  provider: SecretProvider;
  readonly impatient: () => SecretProvider;
  readonly server: TestKeyVault;
}

const credential = {
  getToken: () => Promise.resolve({ token: TEST_AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
};

async function make(): Promise<Harness> {
  const server = await startTestKeyVault();
  const settings = { vaultUrl: server.url, ca: server.ca, credential, trustAnyAuthority: true };
  return {
    server,
    provider: createAzureProvider(settings),
    impatient: () => createAzureProvider({ ...settings, callTimeoutMs: 700 }),
    put: (id, value) => {
      server.put(id, Buffer.from(value as Uint8Array).toString());
      return Promise.resolve();
    },
    remove: (id) => {
      server.remove(id);
      return Promise.resolve();
    },
    async [Symbol.asyncDispose](this: Harness) {
      await this.provider.close?.();
      await server[Symbol.asyncDispose]();
    },
  };
}

const on = (act: (server: TestKeyVault) => void | PromiseLike<void>) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const { server } = harness as Harness;
    server.put('db-password', 'value');
    await act(server);
    return 'db-password';
  };
};
/** The same with so little patience that a silence can be waited for; asked once before, since loading the SDK takes its time. */
const silent = (act: (server: TestKeyVault) => void) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const id = await on(() => undefined)(harness);
    await harness.provider.fetch(id, { signal: new AbortController().signal });
    const { server, impatient } = harness as Harness;
    (harness as Harness).provider = impatient();
    act(server);
    return id;
  };
};
const answered = (status: number, body = '') => on((server) => server.faults.always({ kind: 'answer', status, body }));

secretProviderContract('Azure Key Vault', {
  make,
  ids: ['db-password', 'Other-Password'],
  malformedIds: ['/a/b', 'under_score', 'a.b', 'x#version=1', '../secrets'],
  holdsBytes: false,
  largestBytes: 25_000,
  faults: [
    { code: 'secret_disabled', arrange: on((server) => server.put('db-password', 'new', { enabled: false })) },
    {
      code: 'secret_forbidden',
      arrange: on((server) => server.refuse('db-password', 'ForbiddenByRbac', 'Caller is not authorized')),
    },
    {
      code: 'secret_forbidden',
      arrange: on((server) => server.refuse('db-password', 'ForbiddenByFirewall', 'Client address')),
    },
    { code: 'secret_forbidden', arrange: on((server) => server.accept([])) },
    { code: 'secret_throttled', arrange: answered(429, '{"error":{"code":"Throttled","message":""}}') },
    { code: 'secret_unreachable', arrange: answered(500, '{"error":{"code":"InternalServerError","message":""}}') },
    { code: 'secret_unreachable', arrange: answered(503, '<html>busy</html>') },
    { code: 'secret_misconfigured', arrange: answered(302, '') },
    { code: 'secret_misconfigured', arrange: answered(200, '<html>portal</html>') },
    { code: 'secret_throttled', arrange: answered(429) },
    { code: 'secret_unreachable', arrange: answered(502) },
    { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'reset' })) },
    { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'reset_mid_body' })) },
    { code: 'secret_unreachable', arrange: on((server) => server[Symbol.asyncDispose]()) },
    { code: 'secret_timed_out', arrange: silent((server) => server.faults.always({ kind: 'hang' })) },
    { code: 'secret_timed_out', arrange: silent((server) => server.faults.always({ kind: 'stall' })) },
  ],
});
