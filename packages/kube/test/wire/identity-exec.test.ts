import { Buffer } from 'node:buffer';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate, rejection, testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import type { KubeIdentity } from '../../src/identity/identity.ts';
import { kubeconfigIdentity } from '../../src/identity/kubeconfig-identity.ts';

const signal = new AbortController().signal;
const clock = testClock(Date.now());
const authority = makeCertificate({ name: 'cluster authority', isAuthority: true });

interface Plugin extends AsyncDisposable {
  readonly identity: KubeIdentity;
  /** What the plugin was told, one entry for each time it ran. */
  told(): Promise<readonly unknown[]>;
}

/** A kubeconfig whose credentials come from a program with this source. */
async function plugin(source: string, exec: object = {}): Promise<Plugin> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-exec-'));
  const log = join(folder, 'runs');
  const file = join(folder, 'plugin.mjs');
  await writeFile(log, '');
  await writeFile(
    file,
    `import { appendFileSync, readFileSync } from 'node:fs';
     appendFileSync(${JSON.stringify(log)}, (process.env.KUBERNETES_EXEC_INFO ?? 'null') + '\\n');
     const run = readFileSync(${JSON.stringify(log)}, 'utf8').split('\\n').length - 1;
     const answer = (status) => console.log(JSON.stringify({ kind: 'ExecCredential', status }));
     ${source}`,
  );
  const text = JSON.stringify({
    'current-context': 'dev',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443' } }],
    users: [
      {
        name: 'u',
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: process.execPath,
            args: [file],
            env: null,
            ...exec,
          },
        },
      },
    ],
    contexts: [{ name: 'dev', context: { cluster: 'c', user: 'u' } }],
  });
  return {
    identity: await kubeconfigIdentity({ text, clock }),
    told: async () =>
      (await readFile(log, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

describe('an exec plugin', () => {
  it('gives the token, is asked once, and again after a refusal', async () => {
    await using made = await plugin('answer({ token: `token-${run}` });');
    const { identity } = made;
    expect(await made.told()).toEqual([]);
    const ask = (refresh: boolean): Promise<string | undefined> => identity.authorization({ refresh, signal });
    expect(await Promise.all([ask(false), ask(false)])).toEqual(['Bearer token-1', 'Bearer token-1']);
    await clock.advance(60_000);
    expect(await ask(false)).toBe('Bearer token-1');
    expect(await ask(true)).toBe('Bearer token-2');
    expect(await made.told()).toEqual(
      Array(2).fill({
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        spec: { interactive: false },
      }),
    );
  });

  it('is asked again when its token has expired', async () => {
    await using made = await plugin('answer({ token: `token-${run}`, expirationTimestamp: "2020-01-01T00:00:00Z" });');
    const { identity } = made;
    expect(await identity.authorization({ refresh: false, signal })).toBe('Bearer token-1');
    await clock.advance(10_000);
    expect(await identity.authorization({ refresh: false, signal })).toBe('Bearer token-2');
  });

  it('may give a client certificate', async () => {
    const { cert, key } = makeCertificate({ name: 'me', issuer: authority });
    const status = { clientCertificateData: cert, clientKeyData: key };
    await using made = await plugin(`answer(${JSON.stringify(status)});`);
    expect(await made.identity.authorization({ refresh: false, signal })).toBeUndefined();
    expect(made.identity.clientCertificate).toEqual({ certificate: cert, key });
  });

  it('that fails is quoted, without what looks like a credential', async () => {
    // Not a real password.
    await using made = await plugin('console.error("login expired, password=hunter2hunter2"); process.exit(3);');
    const error = await rejection(made.identity.authorization({ refresh: false, signal }));
    expect(error).toMatchObject({ code: 'kube_unauthorized', retryable: true });
    expect(error.message).toContain('login expired');
    expect(error.hint).toContain('by hand');
    expect(JSON.stringify([error, error.cause])).not.toContain('hunter2');
  });

  it('that gives nothing is an error', async () => {
    await using made = await plugin('answer({});');
    const error = await rejection(made.identity.authorization({ refresh: false, signal }));
    expect(error.message).toContain('neither a token nor a certificate');
  });

  it('that is not installed is an error of the configuration', async () => {
    await using made = await plugin('', { command: 'no-such-plugin-anywhere' });
    const error = await rejection(made.identity.authorization({ refresh: false, signal }));
    expect(error).toMatchObject({ code: 'kube_config_invalid', retryable: false });
    expect(error.message).toContain('no-such-plugin-anywhere is not installed');
  });
});

describe('an auth provider', () => {
  const provider = (config: object): Promise<KubeIdentity> =>
    kubeconfigIdentity({
      text: JSON.stringify({
        'current-context': 'dev',
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443' } }],
        users: [{ name: 'u', user: { 'auth-provider': { name: 'oidc', config } } }],
        contexts: [{ name: 'dev', context: { cluster: 'c', user: 'u' } }],
      }),
      clock,
    });

  it('of OIDC gives its token while that is valid', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'none' })}.${part({ exp: Math.floor(Date.now() / 1000) + 3600 })}.c2ln`;
    const config = {
      'id-token': token,
      'client-id': 'a',
      'refresh-token': 'b',
      'idp-issuer-url': 'https://127.0.0.1:1',
    };
    expect(await (await provider(config)).authorization({ refresh: false, signal })).toBe(`Bearer ${token}`);
  });

  it('without a token says whose it is', async () => {
    const error = await rejection((await provider({})).authorization({ refresh: false, signal }));
    expect(error.code).toBe('kube_unauthorized');
    expect(error.message).toContain('the auth provider oidc');
  });
});
