import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { DeleteParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Moto } from '@runner/moto';
import { missingForMoto, startMoto } from '@runner/moto';
import { createSecretResolver } from '@runner/secrets';
import { createAwsProvider, createAwsSsmProvider } from '@runner/secrets/aws';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../programs/ask-program.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const missing = await missingForMoto();
if (missing !== undefined) {
  console.warn(`SKIPPED: AWS was not tried against moto, because ${missing}. Install it and run this again.`);
}

const region = 'eu-west-1';
const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'not-a-real-key' };
const INSTALL_MS = 600_000;
const cache = fileURLToPath(new URL('../../../../node_modules/.cache/moto', import.meta.url));

describe.skipIf(missing !== undefined)('against moto', () => {
  let moto: Moto;
  let secrets: SecretsManagerClient;
  let parameters: SSMClient;
  beforeAll(async () => {
    moto = await startMoto({ cache, extras: ['secretsmanager', 'ssm'] });
    secrets = new SecretsManagerClient({ region, endpoint: moto.url, credentials });
    parameters = new SSMClient({ region, endpoint: moto.url, credentials });
  }, INSTALL_MS);
  afterAll(async () => {
    secrets.destroy();
    parameters.destroy();
    await moto[Symbol.asyncDispose]();
  });
  const wipe = async (): Promise<void> => {
    await fetch(`${moto.url}/moto-api/reset`, { method: 'POST' });
  };
  const store = async (id: string, value: string | Uint8Array): Promise<void> => {
    const content = typeof value === 'string' ? { SecretString: value } : { SecretBinary: value };
    await secrets
      .send(new CreateSecretCommand({ Name: id, ...content }))
      .catch(() => secrets.send(new PutSecretValueCommand({ SecretId: id, ...content })));
  };

  secretProviderContract('AWS Secrets Manager in moto', {
    make: (): Promise<ProviderHarness> => {
      const provider = createAwsProvider({ region, endpoint: moto.url, credentials });
      return Promise.resolve({
        provider,
        put: store,
        remove: async (id) => {
          await secrets.send(new DeleteSecretCommand({ SecretId: id, ForceDeleteWithoutRecovery: true }));
        },
        [Symbol.asyncDispose]: async () => {
          await provider.close?.();
          await wipe();
        },
      });
    },
    ids: ['/team/db/password', 'flat-name'],
    // The store itself refuses a secret without a character.
    holdsEmpty: false,
    largestBytes: 60_000,
    faults: [
      {
        code: 'secret_disabled',
        arrange: async () => {
          await store('gone', 'x');
          await secrets.send(new DeleteSecretCommand({ SecretId: 'gone', RecoveryWindowInDays: 7 }));
          return 'gone';
        },
      },
      {
        code: 'secret_not_found',
        arrange: async () => {
          await secrets.send(new CreateSecretCommand({ Name: 'without-value' }));
          return 'without-value';
        },
      },
      {
        code: 'secret_empty',
        arrange: async () => {
          await store('nothing', 'null');
          return 'nothing';
        },
      },
    ],
  });

  secretProviderContract('AWS Parameter Store in moto', {
    make: (): Promise<ProviderHarness> => {
      const provider = createAwsSsmProvider({ region, endpoint: moto.url, credentials });
      return Promise.resolve({
        provider,
        put: async (id, value) => {
          const text = Buffer.from(value as Uint8Array).toString();
          await parameters.send(
            new PutParameterCommand({ Name: id, Value: text, Type: 'SecureString', Overwrite: true }),
          );
        },
        remove: async (id) => {
          await parameters.send(new DeleteParameterCommand({ Name: id }));
        },
        [Symbol.asyncDispose]: async () => {
          await provider.close?.();
          await wipe();
        },
      });
    },
    ids: ['/team/db/password', 'flat-name'],
    holdsBytes: false,
    holdsEmpty: false,
    largestBytes: 4_096,
  });

  it('selectors reach a stage and a version', async () => {
    await store('staged', 'old');
    await store('staged', 'new');
    const provider = createAwsProvider({ region, endpoint: moto.url, credentials, selectors: true });
    const { signal } = new AbortController();
    const previous = await provider.fetch('staged#stage=AWSPREVIOUS', { signal });
    expect(previous.value.reveal()).toBe('old');
    const same = await provider.fetch(`staged#version=${previous.version ?? ''}`, { signal });
    expect(same.value.reveal()).toBe('old');
    await expect(provider.fetch('staged#stage=NOSUCH', { signal })).rejects.toMatchObject({ code: 'secret_not_found' });
    await provider.close?.();
    await wipe();
  });

  it('many references are read in batches, as the SDK of AWS reads them', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `many-${index}`);
    for (const id of ids) await store(id, `value of ${id}`);
    await using resolver = createSecretResolver({
      provider: createAwsProvider({ region, endpoint: moto.url, credentials }),
    });
    const answers = await resolver.resolveAll([...ids, 'absent'].map((id) => `secret:${id}`));
    expect(answers.map((answer) => (answer.ok ? answer.value.reveal() : answer.error.code))).toEqual([
      ...ids.map((id) => `value of ${id}`),
      'secret_not_found',
    ]);
    const direct = await secrets.send(new BatchGetSecretValueCommand({ SecretIdList: ids.slice(0, 20) }));
    expect(direct.SecretValues).toHaveLength(20);
    await wipe();
  });

  it('a web identity becomes credentials by the environment alone', async () => {
    await store('db-password', 'value');
    const folder = await mkdtemp(join(tmpdir(), 'moto-'));
    const file = join(folder, 'token');
    const part = (text: string): string => Buffer.from(text).toString('base64url');
    await writeFile(file, `${part('{"alg":"none"}')}.${part('{"sub":"x"}')}.x`);
    const env = {
      AWS_DEFAULT_REGION: region,
      AWS_ENDPOINT_URL: moto.url,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pods',
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
    };
    expect(await ask('managed-aws', { env })).toMatchObject({ value: 'value' });
    await rm(folder, { recursive: true });
    await wipe();
  });
});
