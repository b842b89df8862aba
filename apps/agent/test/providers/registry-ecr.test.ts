import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent } from 'node:https';
import { Secret, systemClock } from '@runner/core';
import { SECRETS } from '@runner/kube';
import { startTestApiServer } from '@runner/kube/testing';
import type { Moto } from '@runner/moto';
import { missingForMoto, startMoto } from '@runner/moto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEcrTokens } from '../../src/registry/ecr.ts';
import { startAgent } from '../agent-process.ts';
import { temporaryFolder } from '../folder.ts';

const missing = await missingForMoto();
if (missing !== undefined) {
  console.warn(`SKIPPED: ECR was not tried against moto, because ${missing}. Install it and run this again.`);
}

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';
const REGISTRY = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com`;
const INSTALL_MS = 600_000;
const cache = fileURLToPath(new URL('../../../../node_modules/.cache/moto-ecr', import.meta.url));

describe.skipIf(missing !== undefined)('against the ECR of moto', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto({ cache });
  }, INSTALL_MS);
  afterAll(async () => {
    await moto[Symbol.asyncDispose]();
  });

  it('a token is had with keys, for the registry of the account', async () => {
    const tokens = createEcrTokens({
      region: REGION,
      registry: undefined,
      keys: {
        accessKeyId: 'AKIATESTTESTTESTTEST',
        secretAccessKey: new Secret('not-a-real-key'),
        sessionToken: undefined,
      },
      endpoint: moto.url,
      identity: 'a test',
      agent: new Agent(),
      clock: systemClock(),
    });
    const token = await tokens.token(new AbortController().signal);
    expect(token).toMatchObject({ username: 'AWS', registry: REGISTRY });
    expect(token.password.reveal()).not.toBe('');
    tokens.close();
  });

  it.each(['keys', 'web identity'])('the command writes the pull secret with %s', async (identity) => {
    using folder = temporaryFolder();
    await using server = await startTestApiServer({ namespaces: ['runner'] });
    const kubeconfig = join(folder.path, 'kubeconfig');
    const tokenFile = join(folder.path, 'token');
    const part = (text: string): string => Buffer.from(text).toString('base64url');
    writeFileSync(kubeconfig, server.kubeconfig(undefined, 'runner'), { mode: 0o600 });
    writeFileSync(tokenFile, `${part('{"alg":"none"}')}.${part('{"sub":"x"}')}.x`);
    const credentials: Readonly<Record<string, string>> =
      identity === 'keys'
        ? { AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST', AWS_SECRET_ACCESS_KEY: 'not-a-real-key' }
        : { AWS_ROLE_ARN: `arn:aws:iam::${ACCOUNT}:role/pull`, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile };
    await using helper = startAgent({
      args: ['registry-helper'],
      env: {
        KUBECONFIG: kubeconfig,
        NAMESPACE_NAME: 'runner',
        DOCKER_SECRET_NAME: 'pull',
        AWS_REGION: REGION,
        AWS_ACCOUNT: ACCOUNT,
        AWS_ENDPOINT_URL: moto.url,
        ...credentials,
      },
    });
    const { code } = await helper.exit;
    expect(helper.output).toContain('the pull secret is made');
    expect(code).toBe(0);
    const secret = server.object(SECRETS, 'runner', 'pull');
    expect(secret?.type).toBe('kubernetes.io/dockerconfigjson');
    expect(Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString()).toContain(REGISTRY);
  });
});
