import { Agent } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Secret, systemClock } from '@runner/core';
import { startTestProxy } from '@runner/secrets/testing/servers';
import { describe, expect, it } from 'vitest';
import { createAcrTokens } from '../../src/registry/acr.ts';
import type { AcrOptions } from '../../src/registry/acr.ts';
import { createEcrTokens } from '../../src/registry/ecr.ts';
import type { EcrOptions } from '../../src/registry/ecr.ts';
import { vendorAgent } from '../../src/registry/network.ts';
import { proxyUrl } from '../../src/config/proxy-format.ts';
import { createNetwork } from '../../src/transport/http-agent.ts';
import { testAuthority } from '../certificates.ts';
import { awsError, startTestClouds } from '../registry-clouds.ts';
import type { CloudFault, TestClouds } from '../registry-clouds.ts';

const { signal } = new AbortController();
const clock = systemClock();
const never = { secure: undefined, plain: undefined, except: [] };

const ecr = (clouds: Pick<TestClouds, 'url'>, over: Partial<EcrOptions> = {}) =>
  createEcrTokens({
    region: 'eu-west-1',
    registry: undefined,
    keys: {
      accessKeyId: 'AKIATESTTESTTESTTEST',
      secretAccessKey: new Secret('not-a-real-key'),
      sessionToken: undefined,
    },
    endpoint: clouds.url,
    identity: 'the access key AKIA…TEST',
    agent: new Agent(),
    clock,
    ...over,
  });

describe('a token of ECR', () => {
  it('is user and password, until when, and for which registry', async () => {
    await using clouds = await startTestClouds();
    const token = await ecr(clouds).token(signal);
    expect(token).toMatchObject({ username: 'AWS', registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com' });
    expect(token.password.reveal()).toBe(clouds.passwords[0]);
    expect(Math.abs(token.expiresAt - Date.now() - 12 * 3_600_000)).toBeLessThan(60_000);
    expect(clouds.of('ecr')[0]?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST\/\d{8}\/eu-west-1\/ecr\/aws4_request/,
    );
  });

  it('is for the registry that was configured', async () => {
    await using clouds = await startTestClouds();
    expect((await ecr(clouds, { registry: 'mirror.test' }).token(signal)).registry).toBe('mirror.test');
  });

  it.each<[CloudFault, string, RegExp, boolean]>([
    [
      awsError('UnrecognizedClientException'),
      'registry_wrong_credentials',
      /AWS does not know the access key AKIA…TEST/,
      false,
    ],
    [awsError('InvalidSignatureException'), 'registry_wrong_credentials', /or its secret is wrong/, false],
    [awsError('ExpiredTokenException'), 'registry_credentials_expired', /have expired/, false],
    [awsError('AccessDeniedException'), 'registry_forbidden', /may not have a token of Amazon ECR in eu-west-1/, false],
    [awsError('ThrottlingException'), 'registry_throttled', /serves no more requests/, true],
    [awsError('TooManyRequestsException', 429), 'registry_throttled', /serves no more requests/, true],
    [awsError('ServerException', 500), 'registry_unreachable', /fails \(status 500\)/, true],
    [{ status: 200, body: '{}' }, 'registry_unexpected_answer', /without a token/, false],
    [
      { status: 200, body: '{"authorizationData":[{"authorizationToken":"eA==","expiresAt":1}]}' },
      'registry_unexpected_answer',
      /without a token/,
      false,
    ],
  ])('that is refused with %o says why', async (fault, code, says, retryable) => {
    await using clouds = await startTestClouds();
    clouds.next('ecr', fault);
    const error = await ecr(clouds)
      .token(signal)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, retryable });
    expect((error as Error).message).toMatch(says);
    // One try: whoever asks decides whether to ask again.
    expect(clouds.of('ecr')).toHaveLength(1);
    expect(JSON.stringify(error)).not.toContain('said by the test');
  });

  it('that is throttled tells for how long', async () => {
    await using clouds = await startTestClouds();
    clouds.next('ecr', { ...awsError('ThrottlingException', 429), headers: { 'retry-after': '7' } });
    await expect(ecr(clouds).token(signal)).rejects.toMatchObject({ details: { retryAfterMs: 7_000 } });
  });

  it('is not had where nobody listens', async () => {
    await expect(ecr({ url: 'http://127.0.0.1:1' }).token(signal)).rejects.toMatchObject({
      code: 'registry_unreachable',
    });
  });

  it('tells a connection that was cut from an answer that did not come', async () => {
    const server = createServer((socket) => void socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const error = await ecr({ url: `http://127.0.0.1:${port}` })
      .token(signal)
      .catch((caught: unknown) => caught);
    server.close();
    expect(error).toMatchObject({ code: 'registry_unreachable', details: { reason: 'ECONNRESET' } });
  });

  it('goes through the proxy, and trusts the authority of the network only when it is told to', async () => {
    const authority = testAuthority();
    await using clouds = await startTestClouds({ tls: authority.issue('127.0.0.1') });
    await using proxy = await startTestProxy({ login: 'user:pass' });
    const through = proxyUrl.parse(proxy.url);
    if (!('value' in through)) throw new Error('proxy');
    const proxies = { ...never, secure: through.value };
    const agentOf = (certificateAuthorities: readonly string[]) =>
      vendorAgent(createNetwork({ proxies, certificateAuthorities, clock }));
    const token = await ecr(clouds, { agent: agentOf([authority.certificate]) }).token(signal);
    expect(token.password.reveal()).toBe(clouds.passwords[0]);
    expect(proxy.tunnels).toEqual([clouds.host]);
    await expect(ecr(clouds, { agent: agentOf([]) }).token(signal)).rejects.toMatchObject({
      code: 'registry_untrusted',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    });
  });

  it('that a proxy refuses says what the proxy wants', async () => {
    await using proxy = await startTestProxy({ login: 'user:pass' });
    const through = proxyUrl.parse(proxy.url.replace('user:pass@', ''));
    if (!('value' in through)) throw new Error('proxy');
    const agent = vendorAgent(
      createNetwork({ proxies: { ...never, secure: through.value }, certificateAuthorities: [], clock }),
    );
    await expect(ecr({ url: 'https://ecr.example.test' }, { agent }).token(signal)).rejects.toMatchObject({
      code: 'proxy_authentication',
    });
  });

  it('is given up when it is told to', async () => {
    await using clouds = await startTestClouds();
    clouds.always('ecr', awsError('ThrottlingException'));
    await expect(ecr(clouds).token(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

async function acrWorld() {
  const authority = testAuthority();
  const clouds = await startTestClouds({ tls: authority.issue('127.0.0.1'), lifetimeMs: 3 * 3_600_000 });
  const tokens = (over: Partial<AcrOptions> = {}) =>
    createAcrTokens({
      registry: clouds.host,
      azure: {
        tenant: '00000000-0000-4000-8000-000000000001',
        client: '00000000-0000-4000-8000-000000000002',
        secret: new Secret('not-a-real-secret'),
        tokenFile: undefined,
        authority: clouds.url,
      },
      identity: 'the application 00000000-0000-4000-8000-000000000002',
      certificateAuthorities: [],
      agent: vendorAgent(createNetwork({ proxies: never, certificateAuthorities: [authority.certificate], clock })),
      clock,
      trustAnyAuthority: true,
      ...over,
    });
  return { clouds, tokens, [Symbol.asyncDispose]: () => clouds[Symbol.asyncDispose]() };
}

describe('a token of an Azure Container Registry', () => {
  it('is one of Entra, exchanged at the registry', async () => {
    await using world = await acrWorld();
    const token = await world.tokens().token(signal);
    expect(token).toMatchObject({ username: '00000000-0000-0000-0000-000000000000', registry: world.clouds.host });
    expect(token.password.reveal().split('.')).toHaveLength(3);
    expect(Math.abs(token.expiresAt - Date.now() - 3 * 3_600_000)).toBeLessThan(60_000);
    expect(Object.fromEntries(new URLSearchParams(world.clouds.of('acr')[0]?.body))).toEqual({
      grant_type: 'access_token',
      service: world.clouds.host,
      tenant: '00000000-0000-4000-8000-000000000001',
      access_token: 'test-entra-token',
    });
    const asked = world.clouds.of('entra')[0]?.body;
    expect(new URLSearchParams(asked).get('scope')).toContain('https://containerregistry.azure.net/.default');
  });

  it.each<[CloudFault, string, boolean]>([
    [{ status: 401, body: '{"errors":[{"code":"UNAUTHORIZED"}]}' }, 'registry_wrong_credentials', false],
    [{ status: 403, body: '{"errors":[{"code":"DENIED"}]}' }, 'registry_forbidden', false],
    [{ status: 429, headers: { 'retry-after': '3' } }, 'registry_throttled', true],
    [{ status: 503 }, 'registry_unreachable', true],
    [{ status: 404, body: 'nothing here' }, 'registry_unexpected_answer', false],
    [{ status: 200, body: '<html>' }, 'registry_unexpected_answer', false],
  ])('that the registry refuses with %o says why', async (fault, code, retryable) => {
    await using world = await acrWorld();
    world.clouds.next('acr', fault);
    const error = await world
      .tokens()
      .token(signal)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, retryable });
    if (fault.headers !== undefined) expect(error).toMatchObject({ details: { retryAfterMs: 3_000 } });
  });

  it.each([
    ['AADSTS7000215', 'registry_wrong_credentials'],
    ['AADSTS7000222', 'registry_credentials_expired'],
    ['AADSTS700213', 'registry_forbidden'],
  ])('that Entra refuses with %s is %s', async (number, code) => {
    await using world = await acrWorld();
    const body = JSON.stringify({
      error: 'invalid_client',
      error_description: `${number}: said by the test`,
      error_codes: [1],
    });
    world.clouds.always('entra', { status: 401, headers: { 'content-type': 'application/json' }, body });
    await expect(world.tokens().token(signal)).rejects.toMatchObject({ code, details: { reason: number } });
    expect(world.clouds.of('acr')).toEqual([]);
  });

  it('says which variable names no tenant', async () => {
    await using world = await acrWorld();
    const azure = { ...AZURE, authority: world.clouds.url, tenant: 'my tenant' };
    await expect(world.tokens({ azure }).token(signal)).rejects.toMatchObject({
      code: 'registry_wrong_credentials',
      message: expect.stringContaining('AZURE_TENANT_ID') as string,
    });
  });

  it('needs the token file of the service account', async () => {
    await using world = await acrWorld();
    const azure = { ...AZURE, authority: world.clouds.url, secret: undefined, tokenFile: '/does/not/exist' };
    await expect(world.tokens({ azure }).token(signal)).rejects.toMatchObject({
      code: 'registry_no_credentials',
      hint: expect.stringContaining('azure.workload.identity/use') as string,
    });
  });
});

const AZURE = {
  tenant: '00000000-0000-4000-8000-000000000001',
  client: '00000000-0000-4000-8000-000000000002',
  secret: new Secret('not-a-real-secret'),
  tokenFile: undefined,
};
