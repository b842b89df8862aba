import { createKubernetesProvider } from '@runner/secrets/kubernetes';
import type { SecretProvider } from '@runner/secrets';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import type { TestKubernetesSecrets } from '@runner/secrets/testing/servers';
import { startTestKubernetesSecrets } from '@runner/secrets/testing/servers';

interface Harness extends ProviderHarness {
  provider: SecretProvider;
  readonly impatient: () => SecretProvider;
  readonly server: TestKubernetesSecrets;
}

async function make(): Promise<Harness> {
  const server = await startTestKubernetesSecrets();
  const { env, serviceAccountFolder } = server;
  return {
    server,
    provider: createKubernetesProvider({ env, serviceAccountFolder }),
    impatient: () => createKubernetesProvider({ env, serviceAccountFolder, callTimeoutMs: 500 }),
    put: (id, value) => {
      server.put(id, { value });
      return Promise.resolve();
    },
    remove: (id) => {
      server.remove(id);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const on = (act: (server: TestKubernetesSecrets) => void | Promise<void>, id = 'db-password') => {
  return async (harness: ProviderHarness): Promise<string> => {
    const { server } = harness as Harness;
    server.put('db-password', { value: 'value' });
    await act(server);
    return id;
  };
};

/** The same with so little patience that a silence can be waited for; asked once before, since loading the SDK takes its time. */
const silent = (act: (server: TestKubernetesSecrets) => void) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const id = await on(() => undefined)(harness);
    await harness.provider.fetch(id, { signal: new AbortController().signal });
    const { server, impatient } = harness as Harness;
    (harness as Harness).provider = impatient();
    act(server);
    return id;
  };
};

secretProviderContract('Kubernetes Secrets', {
  make,
  ids: ['db-password', 'other.password'],
  malformedIds: ['/collate/hybrid-ingestion-runner/x', 'a/b', 'Upper', '..', 'a..b', 'x#key=other', 'a?b', 'a%2fb'],
  largestBytes: 1_000_000,
  faults: [
    { code: 'secret_key_missing', arrange: on((server) => server.put('keys', { password: 'x' }), 'keys') },
    { code: 'secret_key_missing', arrange: on((server) => server.put('none', {}), 'none') },
    { code: 'secret_forbidden', arrange: on((server) => server.forbid(true)) },
    { code: 'secret_forbidden', arrange: on((server) => server.rotateToken({ write: false })) },
    { code: 'secret_throttled', arrange: on((server) => server.faults.always({ kind: 'answer', status: 429 })) },
    { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'answer', status: 500 })) },
    { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'reset' })) },
    { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'reset_mid_body' })) },
    {
      code: 'secret_unreachable',
      arrange: on((server) => server.stop()),
    },
    { code: 'secret_timed_out', arrange: silent((server) => server.faults.always({ kind: 'hang' })) },
    { code: 'secret_timed_out', arrange: silent((server) => server.faults.always({ kind: 'stall' })) },
    {
      code: 'secret_misconfigured',
      arrange: on((server) => server.faults.always({ kind: 'answer', status: 200, body: '<html>portal</html>' })),
    },
    {
      code: 'secret_misconfigured',
      arrange: on((server) => server.faults.always({ kind: 'answer', status: 302, headers: { location: '/login' } })),
    },
  ],
});
