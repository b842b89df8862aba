import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import { recordingLogger, testClock } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import { createAuth } from '../../src/auth/index.ts';
import type { Auth } from '../../src/auth/index.ts';
import { memoryStore } from '../support/memory-store.ts';

/** An identity provider: keys at a URL, and tokens signed with them. */
async function issuer(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }] };
  let healthy = true;
  const server = createServer((_request, response) => {
    response.writeHead(healthy ? 200 : 500, { 'content-type': 'application/json' });
    response.end(healthy ? JSON.stringify(jwks) : 'broken');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/jwks`,
    breakDown: () => {
      healthy = false;
    },
    token: (claims: JWTPayload, key: CryptoKey = privateKey) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).setIssuer('https://idp.example').sign(key),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const authWith = (outsideIssuers: readonly string[]): Promise<Auth> => {
  const clock = testClock(Date.now());
  return createAuth({
    store: memoryStore(clock),
    clock,
    random: { next: Math.random, uuid: () => crypto.randomUUID() },
    logger: recordingLogger(),
    publicUrl: 'http://cp.test',
    outsideIssuers,
  });
};

describe('tokens of an outside issuer', () => {
  test('are accepted when its keys are configured: bots as bots, people as users, nobody as administrator', async () => {
    await using idp = await issuer('idp-1');
    const auth = await authWith([idp.url]);
    expect(await auth.verify(await idp.token({ sub: 'ingestion-bot', isBot: true }))).toEqual({
      role: 'bot',
      subject: 'ingestion-bot',
      tokenId: 'https://idp.example#ingestion-bot',
    });
    const claims = { sub: 'ada', roles: ['Admin'], role: 'admin', isAdmin: true, jti: 'j' };
    expect(await auth.verify(await idp.token(claims))).toEqual({
      role: 'user',
      subject: 'ada',
      tokenId: 'https://idp.example#j',
    });
  });

  test('are found among several issuers, of which one is broken', async () => {
    await using first = await issuer('one');
    await using second = await issuer('two');
    const auth = await authWith([first.url, second.url]);
    expect(await auth.verify(await second.token({ sub: 'x' }))).toMatchObject({ role: 'user' });
    first.breakDown();
    const fresh = await authWith([first.url, second.url]);
    expect(await fresh.verify(await second.token({ sub: 'x' }))).toMatchObject({ role: 'user' });
  });

  test('are refused when they expired, name nobody, are signed by another key, or nobody knows their issuer', async () => {
    await using idp = await issuer('idp-1');
    await using stranger = await issuer('idp-1');
    const auth = await authWith([idp.url]);
    const exp = Math.floor(Date.now() / 1000) - 60;
    await expect(auth.verify(await idp.token({ sub: 'x', exp }))).rejects.toMatchObject({
      code: 'token_expired',
      message: expect.stringContaining(new Date(exp * 1000).toISOString()) as string,
    });
    await expect(auth.verify(await idp.token({}))).rejects.toMatchObject({ code: 'token_invalid' });
    await expect(auth.verify(await stranger.token({ sub: 'x' }))).rejects.toMatchObject({ code: 'token_invalid' });
    const closed = await authWith([]);
    await expect(closed.verify(await idp.token({ sub: 'x' }))).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('are answered with "come back" while their issuer’s keys cannot be read', async () => {
    await using idp = await issuer('idp-1');
    idp.breakDown();
    const auth = await authWith([idp.url]);
    await expect(auth.verify(await idp.token({ sub: 'x' }))).rejects.toMatchObject({
      code: 'issuer_unavailable',
      retryable: true,
    });
  });
});
