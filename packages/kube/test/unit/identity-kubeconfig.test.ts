import { Buffer } from 'node:buffer';
import { isRunnerError } from '@runner/core';
import type { RunnerError } from '@runner/core';
import { makeCertificate, testClock } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kubeconfigIdentity } from '../../src/identity/kubeconfig-identity.ts';
import type { KubeconfigOptions } from '../../src/identity/kubeconfig-identity.ts';

const authority = makeCertificate({ name: 'cluster authority', isAuthority: true });
const me = makeCertificate({ name: 'me', issuer: authority });
const other = makeCertificate({ name: 'other', issuer: authority });
const old = makeCertificate({ name: 'old', issuer: authority, notAfter: new Date(Date.now() - 86_400_000) });
const signal = new AbortController().signal;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Config {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly current?: string;
}

/** JSON is YAML. */
function config({ cluster = {}, user = { token: 'token-1' }, context = {}, current = 'dev' }: Config = {}): string {
  const certificate = { 'certificate-authority-data': base64(authority.cert) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': current,
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', ...certificate, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'dev', context: { cluster: 'c', user: 'u', namespace: 'runs', ...context } },
      { name: 'bare', context: { cluster: 'c', user: 'u' } },
    ],
  });
}

const clock = testClock(Date.now());
const files: Record<string, string> = {};
const readFile = (path: string): Promise<string> => {
  const text = files[path];
  if (text !== undefined) return Promise.resolve(text);
  return Promise.reject(Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT', syscall: 'open' }));
};

async function failure(options: Partial<KubeconfigOptions>): Promise<RunnerError> {
  try {
    await kubeconfigIdentity({ clock, readFile, ...options });
  } catch (error) {
    if (isRunnerError(error)) return error;
    throw error;
  }
  throw new Error('there is an identity');
}

describe('a kubeconfig', () => {
  it('names place, authorities and token', async () => {
    const identity = await kubeconfigIdentity({ text: config(), clock });
    expect(identity.place).toMatchObject({ server: 'https://127.0.0.1:6443', namespace: 'runs' });
    expect(identity.certificateAuthority).toBe(authority.cert);
    expect(identity.clientCertificate).toBeUndefined();
    expect(identity.skipTlsVerify).toBeUndefined();
    expect(await identity.authorization({ refresh: false, signal })).toBe('Bearer token-1');
  });

  it('is read as YAML, from the context that is asked for', async () => {
    const text = [
      'apiVersion: v1',
      'kind: Config',
      'current-context: elsewhere',
      'clusters:',
      '- {name: c, cluster: {server: "http://127.0.0.1:8001/", tls-server-name: api, insecure-skip-tls-verify: true}}',
      'users:',
      '- name: u',
      '  user: {username: admin, password: 12345}',
      'contexts:',
      '- name: here',
      '  context: {cluster: c, user: u}',
    ].join('\n');
    const identity = await kubeconfigIdentity({ text, context: 'here', clock });
    expect(identity).toMatchObject({
      place: { server: 'http://127.0.0.1:8001', namespace: undefined },
      serverName: 'api',
      skipTlsVerify: true,
    });
    expect(await identity.authorization({ refresh: false, signal })).toBe(`Basic ${base64('admin:12345')}`);
  });

  it('gives client certificates, inline or in files beside it', async () => {
    const inline = { 'client-certificate-data': base64(me.cert), 'client-key-data': base64(me.key) };
    const identity = await kubeconfigIdentity({ text: config({ user: inline }), clock });
    expect(identity.clientCertificate).toEqual({ certificate: me.cert, key: me.key });
    expect(await identity.authorization({ refresh: false, signal })).toBeUndefined();

    files['/home/me/.kube/config'] = config({ user: { 'client-certificate': 'me.crt', 'client-key': '/keys/me.key' } });
    files['/home/me/.kube/me.crt'] = me.cert;
    files['/keys/me.key'] = me.key;
    const beside = await kubeconfigIdentity({ path: '/home/me/.kube/config', readFile, clock });
    expect(beside.clientCertificate).toEqual({ certificate: me.cert, key: me.key });
  });

  it('reads renewed certificates after a refusal', async () => {
    files['/me.crt'] = me.cert;
    files['/me.key'] = me.key;
    const text = config({ user: { 'client-certificate': '/me.crt', 'client-key': '/me.key' } });
    const identity = await kubeconfigIdentity({ text, readFile, clock });
    files['/me.crt'] = other.cert;
    files['/me.key'] = other.key;
    await identity.authorization({ refresh: false, signal });
    expect(identity.clientCertificate?.certificate).toBe(me.cert);
    await identity.authorization({ refresh: true, signal });
    expect(identity.clientCertificate?.certificate).toBe(other.cert);
  });

  it('follows a token file, which goes before a token', async () => {
    files['/token'] = 'file-1\n';
    const text = config({ user: { token: 'fixed', tokenFile: '/token' } });
    const identity = await kubeconfigIdentity({ text, readFile, clock });
    expect(await identity.authorization({ refresh: false, signal })).toBe('Bearer file-1');
    files['/token'] = 'file-2\n';
    expect(await identity.authorization({ refresh: true, signal })).toBe('Bearer file-2');
  });
});

describe('a kubeconfig that cannot be used', () => {
  const cases: [string, Partial<KubeconfigOptions>, string, string][] = [
    ['is not given', {}, 'no kubeconfig is given', 'KUBECONFIG'],
    ['is missing', { path: '/nowhere' }, '/nowhere cannot be read', 'exists'],
    ['is several', { path: '/a:/b' }, 'cannot be read', 'flatten'],
    ['is not YAML', { text: 'a: [b' }, 'is not YAML', 'line'],
    ['is something else', { text: 'hello' }, 'is no kubeconfig', 'clusters'],
    ['has an alias of nothing', { text: '*a' }, 'is no kubeconfig', 'clusters'],
    ['is empty', { text: '' }, 'is no kubeconfig', 'clusters'],
    ['has no current context', { text: config({ current: '' }) }, 'has no current-context', '"dev", "bare"'],
    ['lacks the context', { text: config(), context: 'prod' }, 'has no context "prod"', '"dev", "bare"'],
    ['lacks the cluster', { text: config({ context: { cluster: 'x' } }) }, 'has no cluster "x"', '"c"'],
    ['lacks the user', { text: config({ context: { user: 'x' } }) }, 'has no user "x"', '"u"'],
    ['has no server', { text: config({ cluster: { server: '' } }) }, 'has no server', 'Complete'],
    ['has an odd server', { text: config({ cluster: { server: 'ftp://a' } }) }, 'no http or https URL', 'https://'],
    ['wants a proxy', { text: config({ cluster: { 'proxy-url': 'http://p' } }) }, 'proxy', 'directly'],
    ['impersonates', { text: config({ user: { as: 'root' } }) }, 'impersonates', 'itself'],
    [
      'has a broken authority',
      { text: config({ cluster: { 'certificate-authority-data': 'AAAA' } }) },
      'no PEM',
      'base64',
    ],
    ['has a relative path', { text: config({ user: { tokenFile: 'token' } }) }, 'relative path', 'absolute'],
    [
      'names a missing file',
      {
        text: config({ cluster: { 'certificate-authority-data': '', 'certificate-authority': '/none.crt' } }),
        readFile,
      },
      '/none.crt',
      'exists',
    ],
    ['has an odd token', { text: config({ user: { token: 'two words' } }) }, 'does not hold a token', 'single line'],
    [
      'has a certificate without key',
      { text: config({ user: { 'client-certificate-data': base64(me.cert) } }) },
      'not both',
      'client-key',
    ],
    [
      'has an expired certificate',
      { text: config({ user: { 'client-certificate-data': base64(old.cert), 'client-key-data': base64(old.key) } }) },
      'user "u" of the kubeconfig expired on',
      'new kubeconfig',
    ],
    [
      'has the key of another certificate',
      { text: config({ user: { 'client-certificate-data': base64(me.cert), 'client-key-data': base64(other.key) } }) },
      'cannot be used',
      'that certificate',
    ],
  ];

  it.each(cases)('%s', async (_name, options, message, hint) => {
    const error = await failure(options);
    expect(error).toMatchObject({ code: 'kube_config_invalid', retryable: false });
    expect(error.message).toContain(message);
    expect(`${error.message} ${error.hint ?? ''}`).toContain(hint);
    expect(JSON.stringify(error)).not.toContain('two words');
  });

  it('says which line is wrong and not what stands there', async () => {
    const error = await failure({ text: 'a: b\ntoken: "verysecretvalue\n' });
    expect(error.message).toMatch(/at line \d+/);
    expect(JSON.stringify(error)).not.toContain('verysecretvalue');
  });

  it('is an error with a code, whatever is in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"current-context":"a","contexts":${json}}`),
        ),
        async (text) => {
          expect((await failure({ text })).code).toBe('kube_config_invalid');
        },
      ),
    );
  });
});
