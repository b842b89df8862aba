import { createGcpProvider } from '@runner/secrets/gcp';
import type { SecretProvider } from '@runner/secrets';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import type { TestSecretManager } from '@runner/secrets/testing/servers';
import { startTestSecretManager } from '@runner/secrets/testing/servers';

interface Harness extends ProviderHarness {
  provider: SecretProvider;
  readonly impatient: () => SecretProvider;
  readonly server: TestSecretManager;
}

async function make(): Promise<Harness> {
  const server = await startTestSecretManager();
  const open = (callTimeoutMs?: number): SecretProvider =>
    createGcpProvider({
      project: 'test-project',
      endpoint: server.url,
      ...(callTimeoutMs === undefined ? {} : { callTimeoutMs }),
    });
  return {
    server,
    provider: open(),
    impatient: () => open(700),
    put: (id, value) => {
      server.put(id, value);
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

const on = (act: (server: TestSecretManager) => void | PromiseLike<void>) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const { server } = harness as Harness;
    server.put('db_password', 'value');
    await act(server);
    return 'db_password';
  };
};
/** The same with so little patience that a silence can be waited for; asked once before, since loading the SDK takes its time. */
const silent = (act: (server: TestSecretManager) => void) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const id = await on(() => undefined)(harness);
    await harness.provider.fetch(id, { signal: new AbortController().signal });
    const { server, impatient } = harness as Harness;
    (harness as Harness).provider = impatient();
    act(server);
    return id;
  };
};
const refused = (code: number, text = '') => on((server) => server.refuse('db_password', code, text));

secretProviderContract('Google Secret Manager', {
  make,
  ids: ['db_password', 'other-password'],
  malformedIds: ['projects/p/secrets/s', 'a.b', '/x', 'x#version=1'],
  faults: [
    { code: 'secret_disabled', arrange: on((server) => server.setState('db_password', 'DISABLED')) },
    { code: 'secret_disabled', arrange: on((server) => server.setState('db_password', 'DESTROYED')) },
    { code: 'secret_integrity', arrange: on((server) => server.damage('db_password', 'checksum')) },
    { code: 'secret_integrity', arrange: on((server) => server.damage('db_password', 'payload')) },
    { code: 'secret_integrity', arrange: on((server) => server.damage('db_password', 'no_checksum')) },
    { code: 'secret_forbidden', arrange: refused(7, "Permission 'secretmanager.versions.access' denied for resource") },
    {
      code: 'secret_misconfigured',
      arrange: refused(7, 'Secret Manager API has not been used in project 1 before or it is disabled'),
    },
    { code: 'secret_forbidden', arrange: refused(16) },
    { code: 'secret_malformed_id', arrange: refused(3) },
    { code: 'secret_throttled', arrange: refused(8, 'Quota exceeded') },
    { code: 'secret_unreachable', arrange: refused(14) },
    { code: 'secret_unreachable', arrange: refused(13) },
    { code: 'secret_timed_out', arrange: refused(4) },
    { code: 'secret_misconfigured', arrange: refused(12) },
    { code: 'secret_timed_out', arrange: silent((server) => server.hang(true)) },
    { code: 'secret_unreachable', arrange: on((server) => server[Symbol.asyncDispose]()) },
  ],
});
