import { readFileSync, statSync } from 'node:fs';
import { systemClock } from '@runner/core';
import { makeCertificate } from '@runner/core/testing';
import type { Socket } from '@runner/protocol';
import { attachWebSocketServer } from '@runner/protocol/ws';
import type { UpgradeRefusal } from '@runner/protocol/ws';
import { describe, expect, it } from 'vitest';
import { runDoctor } from '../../src/doctor/command.ts';
import { shakeHands } from '../../src/doctor/certificates.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { doctor, localEnvironment, runOf } from '../doctor.ts';
import { testProxy, testServer } from '../servers.ts';
import type { Identity, TestServer } from '../servers.ts';
import { testToken } from '../tokens.ts';

const YEAR_MS = 365 * 86_400_000;
const root = makeCertificate({ name: 'Private Root CA', isAuthority: true });
const issue = (host: string, from = -1, to = YEAR_MS): Identity =>
  makeCertificate({
    name: host,
    issuer: root,
    hosts: [host],
    notBefore: new Date(Date.now() + from),
    notAfter: new Date(Date.now() + to),
  });

interface Options {
  readonly refuse?: UpgradeRefusal;
  /** By which its clock is ahead. */
  readonly skewMs?: number;
  /** Speaks REST alone. */
  readonly noBridge?: boolean;
}

interface Control extends TestServer {
  /** What was said in sockets, and how they ended. */
  readonly heard: unknown[];
}

async function control(identity: Identity | undefined, options: Options = {}): Promise<Control> {
  const heard: unknown[] = [];
  const server = await testServer(identity, (request, response) => {
    const { skewMs } = options;
    if (skewMs !== undefined) response.setHeader('date', new Date(Date.now() + skewMs).toUTCString());
    response.statusCode = request.url === '/api/v1/system/version' ? 200 : 404;
    response.end(JSON.stringify({ version: '1.13.3' }));
  });
  if (options.noBridge === true) return { ...server, heard };
  attachWebSocketServer(server.server, {
    authenticate: () => Promise.resolve(options.refuse === undefined ? { identity: {} } : { refuse: options.refuse }),
    accept: (socket: Socket) =>
      socket.listen({ message: (text) => heard.push(text), closed: (code) => heard.push(code) }),
    clock: systemClock(),
  });
  return { ...server, heard };
}

const withUser = (url: string, user: string): string => url.replace('://', `://${user}@`);

describe('doctor, where everything is well', () => {
  it('says so of each step of the way, and whose certificate it is', async () => {
    await using server = await control(issue('127.0.0.1'));
    using local = localEnvironment(server.url);
    const answer = await doctor({ ...local.env, SERVER_CA_FILE: local.file('ca.pem', root.cert) });
    expect(['dns', 'tcp', 'proxy', 'tls', 'websocket', 'token', 'server', 'clock'].map(answer.said)).toEqual([
      'ok dns_not_needed',
      'ok tcp_ok',
      'ok proxy_none',
      'ok tls_ok',
      'ok websocket_ok',
      'ok token_ok',
      'ok server_ok',
      'ok clock_ok',
    ]);
    expect(answer.of('tls')[0]?.message).toContain('Private Root CA');
    expect(answer.of('server')[0]?.message).toContain('1.13.3');
    expect(answer.code).toBe(0);
  });

  it('opens one socket, says nothing in it and closes it', async () => {
    await using server = await control(undefined);
    using local = localEnvironment(server.url);
    await doctor(local.env);
    expect(server.heard).toEqual([1000]);
  });

  it('is no session for the control plane', async () => {
    await using server = await testControlPlane();
    using local = localEnvironment(server.url);
    const answer = await doctor({ ...local.env, AGENT_ID, SERVER_HOST_API_URL: 'http://127.0.0.1:1/api' });
    expect(answer.said('websocket')).toBe('ok websocket_ok');
    expect(server.bridge.connected(AGENT_ID)).toEqual([]);
  });
});

describe('doctor, of certificates', () => {
  it.each([
    ['signed by an authority nobody named', issue('127.0.0.1'), false, 'fail tls_untrusted', /Private Root CA/],
    [
      'for another name',
      issue('other.example.test'),
      true,
      'fail tls_name',
      /other\.example\.test, not for 127\.0\.0\.1/,
    ],
    ['that has expired', issue('127.0.0.1', -YEAR_MS, -1), true, 'fail tls_expired', /expired at 20/],
    [
      'that is not valid yet',
      issue('127.0.0.1', YEAR_MS, 2 * YEAR_MS),
      true,
      'fail tls_not_yet_valid',
      /valid from 20/,
    ],
    ['that expires soon', issue('127.0.0.1', -1, 3_600_000), true, 'warn tls_expires_soon', /valid until 20/],
  ])('tells one %s apart', async (_, identity, isTrusted, said, message) => {
    await using server = await control(identity);
    using local = localEnvironment(server.url);
    const ca = isTrusted ? { SERVER_CA_FILE: local.file('ca.pem', root.cert) } : {};
    const answer = await doctor({ ...local.env, ...ca });
    expect(answer.said('tls')).toBe(said);
    expect(answer.of('tls')[0]?.message).toMatch(message);
  });

  it('says that an authority was given when another one signed', async () => {
    const other = makeCertificate({ name: 'Other CA', isAuthority: true });
    await using server = await control(issue('127.0.0.1'));
    using local = localEnvironment(server.url);
    const answer = await doctor({ ...local.env, SERVER_CA_FILE: local.file('ca.pem', other.cert) });
    expect(answer.of('tls')[0]).toMatchObject({
      reason: 'tls_untrusted',
      message: expect.stringContaining('not among the authorities given') as string,
    });
    expect(answer.said('websocket')).toBe('skipped websocket_not_tried');
  });

  it('warns of a way without TLS, and fails where something else than TLS answers', async () => {
    await using server = await control(undefined);
    using local = localEnvironment(server.url);
    expect((await doctor(local.env)).said('tls')).toBe('warn tls_none');
    const secure = { SERVER_URL: server.url.replace('http', 'wss') };
    expect((await doctor({ ...local.env, ...secure })).said('tls')).toBe('fail tls_failed');
  });
});

describe('doctor, of servers that do not answer as they should', () => {
  it('tells a server that is down', async () => {
    const gone = await control(undefined);
    await gone[Symbol.asyncDispose]();
    using local = localEnvironment(gone.url);
    const answer = await doctor(local.env);
    expect(answer.said('tcp')).toBe('fail tcp_refused');
    expect(answer.said('websocket')).toBe('skipped websocket_not_tried');
    expect(answer.said('token')).toBe('skipped token_not_tried');
    expect(answer.code).toBe(1);
  });

  it('tells an OpenMetadata without a bridge from another product', async () => {
    await using collate = await control(undefined, { noBridge: true });
    using local = localEnvironment(collate.url);
    const answer = await doctor(local.env);
    expect(answer.said('websocket')).toBe('fail server_without_bridge');
    expect(answer.of('websocket')[0]?.message).toContain('OpenMetadata 1.13.3');
    await using web = await testServer(undefined, (_request, response) => response.end('<html>hello</html>'));
    const other = await doctor({ ...local.env, SERVER_URL: web.url.replace('http', 'ws') });
    expect(other.said('websocket')).toBe('fail other_server');
  });

  it('tells one that cannot serve runners just now', async () => {
    const refuse = { status: 503, code: 'unavailable', message: 'The store is away.' } as const;
    await using server = await control(undefined, { refuse });
    using local = localEnvironment(server.url);
    const answer = await doctor(local.env);
    expect(answer.said('websocket')).toBe('fail server_unavailable');
    expect(answer.of('websocket')[0]?.fix).toContain('The store is away.');
  });

  it('tells a name without an address', async () => {
    using local = localEnvironment('wss://no-such-host.invalid');
    const answer = await doctor(local.env);
    expect(answer.said('dns')).toBe('fail dns_failed');
    expect(answer.said('tcp')).toBe('skipped tcp_not_tried');
  });

  it.each([
    [-400_000, 'fail clock_wrong', 'ahead of'],
    [400_000, 'fail clock_wrong', 'behind'],
    [60_000, 'warn clock_skewed', 'behind'],
    [0, 'ok clock_ok', 'that of the control plane'],
  ])('compares the clocks: theirs is %i ms ahead', async (skewMs, said, words) => {
    await using server = await control(undefined, { skewMs });
    using local = localEnvironment(server.url);
    const answer = await doctor(local.env);
    expect(answer.said('clock')).toBe(said);
    expect(answer.of('clock')[0]?.message).toContain(words);
  });
});

describe('doctor, of tokens', () => {
  it.each([
    [401, 'token_invalid', 'fail token_refused'],
    [403, 'forbidden', 'fail token_forbidden'],
  ] as const)('tells one that is answered %i', async (status, code, said) => {
    await using server = await control(undefined, { refuse: { status, code, message: 'Not this one.' } });
    using local = localEnvironment(server.url);
    const answer = await doctor(local.env);
    expect(answer.said('token')).toBe(said);
    expect(answer.said('websocket')).toBe('skipped websocket_needs_token');
    expect(answer.of('token')[0]?.fix).toContain('Not this one.');
  });

  it('tells that one which is refused is not valid yet', async () => {
    await using server = await control(undefined, {
      refuse: { status: 401, code: 'token_invalid', message: 'Not this one.' },
    });
    using local = localEnvironment(server.url);
    const nbf = Math.floor(Date.now() / 1000) + 3_600;
    const answer = await doctor({ ...local.env, AUTH_TOKEN: testToken({ sub: 'bot', nbf }) });
    expect(answer.said('token')).toBe('fail token_refused');
    expect(answer.of('token')[0]?.message).toContain(`not valid before ${new Date(nbf * 1000).toISOString()}`);
  });

  it('that is good is no good answer when doctor was told to end', async () => {
    await using silent = await testServer(undefined, () => undefined);
    using local = localEnvironment(silent.url);
    const host = {
      env: local.env,
      stdout: { write: () => true },
      stderr: { write: () => true },
      cwd: () => '/',
      on: (event: string, listener: () => void) => (event === 'SIGTERM' ? listener() : undefined),
    };
    expect(await runDoctor(host, [])).toBe(1);
  });

  it('that is good is no good answer when the bundle could not be written', async () => {
    await using server = await control(undefined);
    using local = localEnvironment(server.url);
    const { code, errors } = await runOf(local.env, ['--bundle', '/does/not/exist/bundle.json']);
    expect(code).toBe(1);
    expect(errors).toContain('The bundle could not be written');
  });

  it('never tells one, nor any other secret, even where the server repeats it', async () => {
    const token = testToken({ sub: 'bot' });
    const message = `The token ${token} is not good, nor is not-a-real-password.`;
    await using server = await control(undefined, { refuse: { status: 401, code: 'token_invalid', message } });
    using local = localEnvironment(server.url);
    const env = {
      ...local.env,
      AUTH_TOKEN: token,
      INGESTION_EXTRA_ENVS: '[SHOP:not-a-real-password,AWS_REGION:eu-west-1]',
    };
    const file = local.file('bundle.json', '');
    const outputs = [
      (await doctor(env)).output,
      ...(await Promise.all([['--bundle', '-'], []].map((argv) => runOf(env, argv)))).map(({ output }) => output),
      (await doctor(env, ['--bundle', file])).output,
      readFileSync(file, 'utf8'),
    ];
    for (const output of outputs) {
      expect(output).toContain('token_refused');
      expect(output).not.toContain(token);
      expect(output).not.toContain('not-a-real');
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['of another runner', { agentId: 'another' }, 'fail token_other_runner', 'made for the runner another'],
    ['of a run', { role: 'run', runId: 'x' }, 'fail token_of_a_run', 'one run'],
    ['that expires soon', { exp: Math.floor(Date.now() / 1000) + 3_600 }, 'warn token_expires_soon', 'valid until'],
    ['of this runner', { agentId: 'this' }, 'ok token_ok', 'bound to the runner this'],
    ['that lasts longer than calendars', { exp: 1e20 }, 'ok token_ok', 'seconds after 1970'],
  ])('tells one %s by its claims', async (_, claims, said, words) => {
    await using server = await control(undefined);
    using local = localEnvironment(server.url);
    const token = testToken({ sub: 'bot', ...claims });
    const answer = await doctor({ ...local.env, AGENT_ID: 'this', AUTH_TOKEN: token });
    expect(answer.said('token')).toBe(said);
    expect(answer.of('token')[0]?.message).toContain(words);
    expect(answer.output).not.toContain(token);
  });

  it('that have expired are a wrong configuration, with the date', async () => {
    using local = localEnvironment('ws://127.0.0.1:1');
    const answer = await doctor({ ...local.env, AUTH_TOKEN: testToken({ exp: 1_700_000_000 }) });
    expect(answer.code).toBe(78);
    expect(answer.of('configuration')[0]?.message).toContain('expired on 2023-11-14');
  });
});

describe('a handshake', () => {
  it('that was given up before it began does not wait', async () => {
    await using silent = await testServer(undefined, () => undefined);
    const end = await shakeHands({ host: '127.0.0.1', port: silent.port }, undefined, undefined, AbortSignal.abort());
    expect(end).toEqual({ failed: 'it did not answer in time' });
  });
});

describe('doctor, through a proxy', () => {
  it('tries both hops with the credentials, and never tells them', async () => {
    const authorization = `Basic ${Buffer.from('agent:pass-word-of-the-proxy').toString('base64')}`;
    await using server = await control(issue('127.0.0.1'));
    await using proxy = await testProxy({ identity: issue('127.0.0.1'), authorization });
    using local = localEnvironment(server.url);
    const env = {
      ...local.env,
      HTTPS_PROXY: withUser(proxy.url, 'agent:pass-word-of-the-proxy'),
      SERVER_CA_FILE: local.file('ca.pem', root.cert),
    };
    const answer = await doctor(env);
    expect(answer.said('proxy')).toBe('ok proxy_ok');
    expect(answer.said('tls')).toBe('ok tls_ok, ok tls_ok');
    expect(answer.said('websocket')).toBe('ok websocket_ok');
    expect(proxy.asked.every(({ target }) => target === `127.0.0.1:${server.port}`)).toBe(true);
    expect(answer.output).not.toContain('pass-word-of-the-proxy');
    expect(answer.output).not.toContain(authorization.slice(6));
  });

  it.each([
    ['wants credentials', { authorization: 'Basic bmVlZGVk' }, 'fail proxy_authentication'],
    ['forbids the target', { answer: '403 Forbidden' }, 'fail proxy_refused'],
  ])('says so of one that %s', async (_, options, said) => {
    await using server = await control(undefined);
    await using proxy = await testProxy(options);
    using local = localEnvironment(server.url);
    const answer = await doctor({ ...local.env, HTTP_PROXY: proxy.url });
    expect(answer.said('proxy')).toBe(said);
    expect(answer.said('websocket')).toBe('skipped websocket_not_tried');
  });

  it('says so of one that is down, and of one whose certificate is not trusted', async () => {
    const gone = await testProxy();
    await gone[Symbol.asyncDispose]();
    using local = localEnvironment('ws://127.0.0.1:1');
    const answer = await doctor({ ...local.env, HTTP_PROXY: gone.url });
    expect([answer.said('proxy'), answer.said('tcp')]).toEqual(['fail proxy_unreachable', 'fail tcp_refused']);
    await using stranger = await testProxy({ identity: issue('127.0.0.1') });
    const other = await doctor({ ...local.env, HTTP_PROXY: stranger.url });
    expect(other.said('proxy')).toBe('fail proxy_unreachable');
    expect(other.said('tls')).toBe('fail tls_untrusted, warn tls_none');
  });

  it('goes past it where NO_PROXY says so', async () => {
    await using server = await control(undefined);
    await using proxy = await testProxy();
    using local = localEnvironment(server.url);
    const answer = await doctor({ ...local.env, HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.0/8' });
    expect(answer.said('proxy')).toBe('ok proxy_none');
    expect(proxy.asked).toEqual([]);
  });
});

describe('doctor, of the metrics of the runner beside it', () => {
  it.each([
    ['collate_hybrid_agent_connected 1\n', 'ok metrics_ok'],
    ['collate_hybrid_agent_connected{a="b"} 0\n', 'warn metrics_disconnected'],
    ['<html>', 'warn metrics_other'],
  ])('reads %j', async (body, said) => {
    await using server = await testServer(undefined, (_request, response) => response.end(body));
    using local = localEnvironment('ws://127.0.0.1:1');
    const env = { ...local.env, LISTEN_ADDRESS: '127.0.0.1', METRICS_SERVER_PORT: String(server.port) };
    expect((await doctor(env)).said('metrics')).toBe(said);
  });
});
