import { isRunnerError } from '@runner/core';
import type { RunnerError } from '@runner/core';
import { makeCertificate, testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { inClusterIdentity } from '../../src/identity/in-cluster.ts';
import type { InClusterOptions } from '../../src/identity/in-cluster.ts';

const authority = makeCertificate({ name: 'cluster authority', isAuthority: true });
const next = makeCertificate({ name: 'next authority', isAuthority: true });
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
const signal = new AbortController().signal;

/** A file system of one folder that counts readings. */
function mount(files: Record<string, string>): {
  readonly files: Record<string, string>;
  readonly readings: Record<string, number>;
  readonly readFile: (path: string) => Promise<string>;
} {
  const readings: Record<string, number> = {};
  return {
    files,
    readings,
    readFile: (path) => {
      const name = path.slice(FOLDER.length + 1);
      readings[name] = (readings[name] ?? 0) + 1;
      const text = path.startsWith(`${FOLDER}/`) ? files[name] : undefined;
      if (text !== undefined) return Promise.resolve(text);
      return Promise.reject(Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT', syscall: 'open' }));
    },
  };
}

const whole = (): Record<string, string> => ({ token: 'token-1\n', 'ca.crt': authority.cert, namespace: 'runs\n' });
const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };

async function failure(options: InClusterOptions): Promise<RunnerError> {
  try {
    await inClusterIdentity(options);
  } catch (error) {
    if (isRunnerError(error)) return error;
    throw error;
  }
  throw new Error('there is an identity');
}

describe('the identity of a pod', () => {
  it('is its service account', async () => {
    const { readFile } = mount(whole());
    const identity = await inClusterIdentity({ environment, readFile, clock: testClock() });
    expect(identity.place).toEqual({
      server: 'https://10.0.0.1:443',
      clusterId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      namespace: 'runs',
    });
    expect(identity.certificateAuthority).toBe(authority.cert);
    expect(await identity.authorization({ refresh: false, signal })).toBe('Bearer token-1');
  });

  it('reaches an IPv6 address', async () => {
    const { readFile } = mount(whole());
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    const identity = await inClusterIdentity({ environment: env, readFile, clock: testClock() });
    expect(identity.place.server).toBe('https://[fd00::1]:6443');
  });

  it('follows the token file, looking at it once a minute', async () => {
    const folder = mount(whole());
    const clock = testClock();
    const identity = await inClusterIdentity({ environment, readFile: folder.readFile, clock });
    const header = (): Promise<string | undefined> => identity.authorization({ refresh: false, signal });
    folder.files.token = 'token-2';
    for (let i = 0; i < 100; i += 1) expect(await header()).toBe('Bearer token-1');
    expect(folder.readings.token).toBe(1);
    await clock.advance(60_000);
    expect(await Promise.all([header(), header(), header()])).toEqual(Array(3).fill('Bearer token-2'));
    expect(folder.readings.token).toBe(2);
  });

  it('looks at the token file at once when the token was refused', async () => {
    const folder = mount(whole());
    const identity = await inClusterIdentity({ environment, readFile: folder.readFile, clock: testClock() });
    folder.files.token = 'token-2';
    const refreshed = await Promise.all([1, 2, 3].map(() => identity.authorization({ refresh: true, signal })));
    expect(refreshed).toEqual(Array(3).fill('Bearer token-2'));
    expect(folder.readings.token).toBe(2);
  });

  it.each([undefined, '', 'two words'])('goes on with the token it knows while the file holds %j', async (text) => {
    const folder = mount(whole());
    const clock = testClock();
    const identity = await inClusterIdentity({ environment, readFile: folder.readFile, clock });
    if (text === undefined) delete folder.files.token;
    else folder.files.token = text;
    await clock.advance(120_000);
    expect(await identity.authorization({ refresh: false, signal })).toBe('Bearer token-1');
  });

  it('follows the authorities, and keeps what it knows while they make no sense', async () => {
    const folder = mount(whole());
    const clock = testClock();
    const identity = await inClusterIdentity({ environment, readFile: folder.readFile, clock });
    const { clusterId } = identity.place;
    folder.files['ca.crt'] = 'half a file';
    await clock.advance(600_000);
    await identity.authorization({ refresh: false, signal });
    expect(identity.certificateAuthority).toBe(authority.cert);
    folder.files['ca.crt'] = authority.cert + next.cert;
    await clock.advance(600_000);
    await identity.authorization({ refresh: false, signal });
    expect(identity.certificateAuthority).toBe(authority.cert + next.cert);
    expect(identity.place.clusterId).toBe(clusterId);
  });

  it.each<[string, Record<string, string | undefined>, string]>([
    ['token', { token: undefined }, 'automountServiceAccountToken'],
    ['ca.crt', { 'ca.crt': undefined }, 'automountServiceAccountToken'],
    ['namespace', { namespace: undefined }, 'automountServiceAccountToken'],
  ])('needs the file %s', async (name, change, hint) => {
    const files = Object.fromEntries(
      Object.entries({ ...whole(), ...change }).filter(([, text]) => text !== undefined),
    );
    const { readFile } = mount(files as Record<string, string>);
    const error = await failure({ environment, readFile, clock: testClock() });
    expect(error.code).toBe('kube_config_invalid');
    expect(error.message).toContain(`${FOLDER}/${name}`);
    expect(`${error.hint ?? ''} Check that it exists`).toContain(name === 'token' ? 'Check that it exists' : hint);
  });

  it.each([
    ['token', '', 'is empty'],
    ['token', 'two words', 'does not hold a token'],
    ['ca.crt', 'nothing', 'holds no PEM certificate'],
    ['ca.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'cannot be read'],
  ])('refuses a file %s with %j, without repeating it', async (name, text, message) => {
    const { readFile } = mount({ ...whole(), [name]: text });
    const error = await failure({ environment, readFile, clock: testClock() });
    expect(error.code).toBe('kube_config_invalid');
    expect(error.message).toContain(message);
    if (text !== '') expect(error.message).not.toContain(text);
  });

  it.each([
    {},
    { KUBERNETES_SERVICE_HOST: '', KUBERNETES_SERVICE_PORT: '' },
    { KUBERNETES_SERVICE_HOST: 'a', KUBERNETES_SERVICE_PORT: 'b' },
  ])('does not exist outside of a pod (%j)', async (env) => {
    const { readFile } = mount(whole());
    const error = await failure({ environment: env, readFile, clock: testClock() });
    expect(error.code).toBe('kube_config_invalid');
    expect(error.message).toContain('KUBERNETES_SERVICE_HOST');
  });
});
