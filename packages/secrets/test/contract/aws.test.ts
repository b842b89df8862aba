import { createAwsProvider, createAwsSsmProvider } from '@runner/secrets/aws';
import type { SecretProvider } from '@runner/secrets';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import type { TestAws } from '@runner/secrets/testing/servers';
import { startTestAws } from '@runner/secrets/testing/servers';

interface Harness extends ProviderHarness {
  provider: SecretProvider;
  readonly impatient: () => SecretProvider;
  readonly server: TestAws;
}

const ID = '/team/db/password';
const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'not-a-real-key' };

async function secretsManager(): Promise<Harness> {
  const server = await startTestAws();
  const settings = { region: 'eu-west-1', endpoint: server.url, credentials };
  return {
    server,
    provider: createAwsProvider(settings),
    impatient: () => createAwsProvider({ ...settings, callTimeoutMs: 700 }),
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

async function parameterStore(): Promise<Harness> {
  const server = await startTestAws();
  const settings = { region: 'eu-west-1', endpoint: server.url, credentials };
  return {
    server,
    provider: createAwsSsmProvider(settings),
    impatient: () => createAwsSsmProvider({ ...settings, callTimeoutMs: 700 }),
    put: (id, value) => {
      server.putParameter(id, Buffer.from(value as Uint8Array).toString());
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

const on = (act: (server: TestAws) => void | PromiseLike<void>) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const { server } = harness as Harness;
    server.put(ID, 'value');
    server.putParameter(ID, 'value');
    await act(server);
    return ID;
  };
};
/** The same with so little patience that a silence can be waited for; asked once before, since loading the SDK takes its time. */
const silent = (act: (server: TestAws) => void) => {
  return async (harness: ProviderHarness): Promise<string> => {
    const id = await on(() => undefined)(harness);
    await harness.provider.fetch(id, { signal: new AbortController().signal });
    const { server, impatient } = harness as Harness;
    (harness as Harness).provider = impatient();
    act(server);
    return id;
  };
};
const refused = (code: string, message = '') => on((server) => server.refuse(ID, code, message));
const answered = (status: number, body = '') => on((server) => server.faults.always({ kind: 'answer', status, body }));

const DENIED = `User: arn:aws:sts::123456789012:assumed-role/pods/x is not authorized to perform: secretsmanager:GetSecretValue on resource: ${ID}`;

const COMMON = [
  { code: 'secret_forbidden', arrange: refused('AccessDeniedException', DENIED) },
  {
    code: 'secret_forbidden',
    arrange: refused('ExpiredTokenException', 'The security token included in the request is expired'),
  },
  { code: 'secret_forbidden', arrange: refused('UnrecognizedClientException') },
  { code: 'secret_throttled', arrange: refused('ThrottlingException', 'Rate exceeded') },
  { code: 'secret_throttled', arrange: answered(429, '{}') },
  { code: 'secret_unreachable', arrange: answered(503, '<html>busy</html>') },
  { code: 'secret_unreachable', arrange: answered(500, '{"__type":"InternalServiceError"}') },
  // As moto says it: XML where JSON is spoken.
  {
    code: 'secret_forbidden',
    arrange: answered(403, '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>'),
  },
  { code: 'secret_provider_failed', arrange: answered(418, '<html>teapot</html>') },
  { code: 'secret_provider_failed', arrange: answered(200, '<html>portal</html>') },
  { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'reset' })) },
  { code: 'secret_unreachable', arrange: on((server) => server.faults.always({ kind: 'reset_mid_body' })) },
  { code: 'secret_unreachable', arrange: on((server) => server[Symbol.asyncDispose]()) },
  { code: 'secret_timed_out', arrange: silent((server) => server.faults.always({ kind: 'hang' })) },
  { code: 'secret_timed_out', arrange: silent((server) => server.faults.always({ kind: 'stall' })) },
] as const;

secretProviderContract('AWS Secrets Manager', {
  make: secretsManager,
  ids: [ID, 'flat-name'],
  malformedIds: ['arn:aws:secretsmanager:eu-west-1:123456789012:name-abc', 'a:b', 'ä', 'x#json=a'],
  faults: [
    ...COMMON,
    { code: 'secret_forbidden', arrange: refused('DecryptionFailure') },
    { code: 'secret_disabled', arrange: on((server) => server.markDeleted(ID)) },
    { code: 'secret_empty', arrange: on((server) => server.put(ID, 'null')) },
    {
      code: 'secret_not_found',
      arrange: refused(
        'ResourceNotFoundException',
        "can't find the specified secret value for staging label: AWSCURRENT",
      ),
    },
  ],
});

secretProviderContract('AWS Parameter Store', {
  make: parameterStore,
  ids: [ID, 'flat-name'],
  malformedIds: ['team/db', 'a+b', 'x#version=1'],
  holdsBytes: false,
  largestBytes: 8_192,
  faults: [
    ...COMMON,
    { code: 'secret_forbidden', arrange: refused('InvalidKeyId') },
    { code: 'secret_empty', arrange: on((server) => server.putParameter(ID, 'null')) },
  ],
});
