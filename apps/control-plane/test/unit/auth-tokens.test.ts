import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { SignJWT, UnsecuredJWT, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { recordingLogger, testClock } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import { createAuth } from '../../src/auth/index.ts';
import type { Auth } from '../../src/auth/index.ts';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const another = (api: TestApi, options: { audience?: string } = {}): Promise<Auth> =>
  createAuth({
    store: api.store,
    clock: api.clock,
    random: { next: Math.random, uuid: () => crypto.randomUUID() },
    logger: recordingLogger(),
    publicUrl: 'http://cp.test',
    ...options,
  });

describe('a token', () => {
  test('is an RS256 JWT that anybody can verify with the keys at the JWKS path', async () => {
    await using api = await testApi();
    const { token, row } = await api.auth.issue({ role: 'bot', subject: 'ingestion-bot' });
    const header = decodeProtectedHeader(token);
    expect(header).toMatchObject({ alg: 'RS256', typ: 'JWT' });
    const { body } = await api.client().get('system/config/jwks');
    const jwk = (body['keys'] as Record<string, string>[]).find(({ kid }) => kid === header.kid);
    expect(jwk).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' });
    expect(JSON.stringify(body)).not.toMatch(/"(d|p|q|dp|dq|qi)"/);
    const { payload } = await jwtVerify(token, await importJWK(jwk ?? {}, 'RS256'), {
      currentDate: new Date(api.clock.now()),
    });
    expect(payload).toMatchObject({ sub: 'ingestion-bot', jti: row.id, role: 'bot', isBot: true });
    expect(payload.exp).toBeUndefined();
  });

  test('says who speaks, on every replica', async () => {
    await using api = await testApi();
    const { token, row } = await api.auth.issue({ role: 'runner', subject: 'runner x', agentId: 'x' });
    const principal = { role: 'runner', subject: 'runner x', tokenId: row.id, agentId: 'x' };
    expect(await api.auth.verify(token)).toEqual(principal);
    expect(await (await another(api)).verify(token)).toEqual(principal);
  });

  test('that has expired is refused with the date', async () => {
    await using api = await testApi();
    const expiresAt = api.clock.now() + MINUTE;
    const { token } = await api.auth.issue({ role: 'user', subject: 'u', expiresAt });
    await api.auth.verify(token);
    await api.clock.advance(MINUTE);
    await expect(api.auth.verify(token)).rejects.toMatchObject({
      code: 'token_expired',
      message: expect.stringContaining(new Date(expiresAt).toISOString()) as string,
    });
    expect(await api.client(token).get('runs')).toMatchObject({
      status: 401,
      body: { errorType: 'token_expired', message: expect.stringContaining('2026-01-01T00:01:00.000Z') as string },
    });
  });

  test('that was revoked is refused at once, on every replica', async () => {
    await using api = await testApi();
    const { token, row } = await api.auth.issue({ role: 'user', subject: 'u' });
    const replica = await another(api);
    await replica.verify(token);
    expect((await api.admin.post(`tokens/${row.id}/revoke`)).status).toBe(200);
    for (const auth of [api.auth, replica]) {
      await expect(auth.verify(token)).rejects.toMatchObject({ code: 'token_revoked' });
    }
    expect(api.disconnected).toContain(row.id);
  });

  test('of a store that is gone is refused', async () => {
    await using api = await testApi();
    await using other = await testApi();
    const { token } = await other.auth.issue({ role: 'admin', subject: 'them' });
    await expect(api.auth.verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('signed by nobody, by somebody else or with another algorithm is refused', async () => {
    await using api = await testApi();
    const { token } = await api.auth.issue({ role: 'user', subject: 'u' });
    const claims = { ...decodeJwt(token), role: 'admin' };
    const { kid = '' } = decodeProtectedHeader(token);
    const [header = '', , signature = ''] = token.split('.');
    const forged = [
      new UnsecuredJWT(claims).encode(),
      `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`,
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.alloc(32, 'k')),
      `${token.slice(0, -4)}AAAA`,
      'not a token',
      '',
    ];
    for (const each of forged) await expect(api.auth.verify(each)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('for another audience is refused, and one without audience is normal', async () => {
    await using api = await testApi();
    const theirs = await another(api, { audience: 'theirs' });
    const ours = await another(api, { audience: 'ours' });
    const { token } = await theirs.issue({ role: 'user', subject: 'u' });
    await expect(ours.verify(token)).rejects.toMatchObject({
      code: 'token_invalid',
      message: expect.stringContaining('audience') as string,
    });
    await ours.verify((await api.auth.issue({ role: 'user', subject: 'u' })).token);
  });

  test('that is any text is refused and never anything else', async () => {
    await using api = await testApi();
    const { token } = await api.auth.issue({ role: 'user', subject: 'u' });
    const mangled = fc
      .tuple(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 3 }))
      .map(([at, text]) => token.slice(0, at) + text + token.slice(at + text.length))
      .filter((text) => text !== token);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), mangled), async (text) => {
        const error = await api.auth.verify(text).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        // The last character of a signature has bits that mean nothing.
        if (error === undefined) expect(text.slice(0, -1)).toBe(token.slice(0, -1));
        else expect(error).toMatchObject({ code: 'token_invalid' });
      }),
      { numRuns: 300 },
    );
  });
});

describe('the header of a request', () => {
  test('without a token, or not of the form Bearer, says what to send', async () => {
    await using api = await testApi();
    const { body } = await api.client().get('runs');
    expect(body).toMatchObject({ code: 401, errorType: 'token_missing', hint: 'send Authorization: Bearer <token>' });
    for (const header of ['Basic abc', 'Bearer', 'Bearer a b', 'token x', '"Bearer x"']) {
      await expect(api.auth.authenticate(header)).rejects.toMatchObject({ code: 'token_invalid' });
    }
    const { token } = await api.auth.issue({ role: 'user', subject: 'u' });
    for (const header of [`bearer ${token}`, `BEARER  ${token} `]) await api.auth.authenticate(header);
  });
});

describe('a runner session', () => {
  test('may be opened by a runner as itself and by a bot as anybody, and by nobody else', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const row = await api.store.runs.get(runId);
    const runner = await api.auth.issue({ role: 'runner', subject: 'runner x', agentId: 'x' });
    expect(await api.auth.agentIdentity(`Bearer ${runner.token}`)).toEqual({
      subject: 'runner x',
      tokenId: runner.row.id,
      agentIds: ['x'],
    });
    const bot = await api.auth.issue({ role: 'bot', subject: 'ingestion-bot' });
    const identity = await api.auth.agentIdentity(`Bearer ${bot.token}`);
    expect(identity).toEqual({ subject: 'ingestion-bot', tokenId: bot.row.id });
    const refused = [
      (await api.auth.issue({ role: 'admin', subject: 'a' })).token,
      (await api.auth.issue({ role: 'user', subject: 'u' })).token,
      await api.auth.runToken({ role: 'run', runId, tokenId: row?.runTokenId ?? '' }),
      await api.auth.runToken({ role: 'exitStep', runId, tokenId: row?.exitTokenId ?? '' }),
    ];
    for (const token of refused) {
      await expect(api.auth.agentIdentity(`Bearer ${token}`)).rejects.toMatchObject({ code: 'forbidden' });
    }
    await expect(api.auth.agentIdentity(undefined)).rejects.toMatchObject({ code: 'token_missing' });
  });
});

describe('the tokens of a run', () => {
  test('are good while it is open and for ten minutes after', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const clients = [await api.workload(runId), await api.workload(runId, 'exitStep')];
    const statuses = () =>
      Promise.all(clients.map(async (client) => (await client.get(`${path}/pipelineStatus`)).status));
    await api.clock.advance(30 * DAY);
    expect(await statuses()).toEqual([200, 200]);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    await api.clock.advance(10 * MINUTE - 1);
    expect(await statuses()).toEqual([200, 200]);
    await api.clock.advance(1);
    expect(await statuses()).toEqual([401, 401]);
  });

  test('of a lost or abandoned run are good for a week', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api, { airflowConfig: { concurrency: 2 } });
    const lost = await triggerRun(api, pipeline.id);
    await runLife(api, lost).accepted();
    await runLife(api, lost).gone();
    const abandoned = await triggerRun(api, pipeline.id);
    await runLife(api, abandoned).accepted();
    await api.trigger.killRun(abandoned, { force: true });
    for (const runId of [lost, abandoned]) {
      const client = await api.workload(runId);
      expect((await client.get(`${path}/pipelineStatus`)).status).toBe(200);
    }
    await api.clock.advance(7 * DAY - 1);
    expect((await (await api.workload(lost)).get(`${path}/pipelineStatus`)).status).toBe(200);
    await api.clock.advance(1);
    for (const runId of [lost, abandoned]) {
      const { status, body } = await (await api.workload(runId)).get(`${path}/pipelineStatus`);
      expect({ status, errorType: body['errorType'] }).toEqual({ status: 401, errorType: 'token_expired' });
    }
  });

  test('are refused for a run that is not there, and under the other’s role', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const row = await api.store.runs.get(runId);
    const wrong = [
      { role: 'run', runId: '00000000-0000-4000-8000-000000000000', tokenId: row?.runTokenId ?? '' },
      { role: 'run', runId, tokenId: row?.exitTokenId ?? '' },
      { role: 'exitStep', runId, tokenId: row?.runTokenId ?? '' },
    ] as const;
    for (const each of wrong) {
      await expect(api.auth.verify(await api.auth.runToken(each))).rejects.toMatchObject({ code: 'token_invalid' });
    }
  });
});

describe('the first admin token', () => {
  async function folder() {
    const path = await mkdtemp(join(tmpdir(), 'admin-token-'));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  }

  test('is written once, for this user only, and works', async () => {
    await using dir = await folder();
    await using api = await testApi();
    for (const token of await api.store.tokens.list({ role: 'admin' })) {
      await api.store.tokens.revoke(token.id, api.clock.now());
    }
    const file = join(dir.path, 'deep', 'admin-token');
    expect(await api.auth.firstAdminToken(file)).toEqual({ path: file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const token = (await readFile(file, 'utf8')).trim();
    expect((await api.client(token).get('tokens')).status).toBe(200);
    expect(api.log.text()).not.toContain(token);
    expect(await api.auth.firstAdminToken(file)).toBeUndefined();
    expect((await readFile(file, 'utf8')).trim()).toBe(token);
  });

  test('works from every file when replicas start together', async () => {
    await using dir = await folder();
    await using api = await testApi();
    for (const token of await api.store.tokens.list({ role: 'admin' })) {
      await api.store.tokens.revoke(token.id, api.clock.now());
    }
    const files = ['a', 'b', 'c'].map((name) => join(dir.path, name));
    const replicas = await Promise.all(files.map(() => another(api)));
    await Promise.all(replicas.map((replica, index) => replica.firstAdminToken(files[index] ?? '')));
    const alive = (await api.store.tokens.list({ role: 'admin' })).filter((row) => row.revokedAt === undefined);
    expect(alive).toHaveLength(1);
    for (const file of files) {
      const token = await readFile(file, 'utf8').catch(() => undefined);
      if (token !== undefined) expect((await api.client(token.trim()).get('tokens')).status).toBe(200);
    }
  });

  test('comes again when the last admin token was revoked', async () => {
    await using dir = await folder();
    await using api = await testApi();
    const file = join(dir.path, 'admin-token');
    expect(await api.auth.firstAdminToken(file)).toBeUndefined();
    for (const token of await api.store.tokens.list({ role: 'admin' })) {
      await api.store.tokens.revoke(token.id, api.clock.now());
    }
    expect(await api.auth.firstAdminToken(file)).toEqual({ path: file });
  });
});

test('signing keys are made once, even by replicas that start together', async () => {
  const clock = testClock();
  const { memoryStore } = await import('../support/memory-store.ts');
  const store = memoryStore(clock);
  const make = () =>
    createAuth({
      store,
      clock,
      random: { next: Math.random, uuid: () => crypto.randomUUID() },
      logger: recordingLogger(),
      publicUrl: 'http://cp.test',
    });
  const [a, b] = await Promise.all([make(), make()]);
  expect(a.jwks()).toEqual(b.jwks());
  const { token } = await a.issue({ role: 'admin', subject: 'a' });
  expect(await b.verify(token)).toMatchObject({ role: 'admin' });
});
