import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_MAPS, SECRETS } from '@runner/kube';
import { startTestApiServer } from '@runner/kube/testing';
import type { TestApiServer } from '@runner/kube/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAgent } from '../agent-process.ts';
import { testAuthority } from '../certificates.ts';
import { temporaryFolder } from '../folder.ts';
import { awsError, startTestClouds } from '../registry-clouds.ts';
import type { TestClouds } from '../registry-clouds.ts';

const NAME = 'omd-registry-credentials';
const STATUS = 'pull-secret-status';

let server: TestApiServer;
let clouds: TestClouds;
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(async () => {
  folder = temporaryFolder();
  server = await startTestApiServer({ namespaces: ['runner'] });
  clouds = await startTestClouds();
  server.put(CONFIG_MAPS, { metadata: { namespace: 'runner', name: STATUS } });
  writeFileSync(join(folder.path, 'kubeconfig'), server.kubeconfig(undefined, 'runner'), { mode: 0o600 });
});
afterEach(async () => {
  await clouds[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST', AWS_SECRET_ACCESS_KEY: 'not-a-real-key' };
const environment = (over: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  KUBECONFIG: join(folder.path, 'kubeconfig'),
  NAMESPACE_NAME: 'runner',
  DOCKER_SECRET_NAME: NAME,
  PULL_SECRET_STATUS_CONFIGMAP: STATUS,
  AWS_REGION: 'eu-west-1',
  AWS_ENDPOINT_URL: clouds.url,
  AWS_EC2_METADATA_DISABLED: 'true',
  HOME: folder.path,
  ...over,
});
const helper = (over: Readonly<Record<string, string>>) =>
  startAgent({ args: ['registry-helper'], env: environment(over) });
async function ended(over: Readonly<Record<string, string>>) {
  await using process = helper(over);
  const { code } = await process.exit;
  for (const password of [...clouds.passwords, 'not-a-real-key', 'test-secret-access-key']) {
    expect(process.output).not.toContain(password);
  }
  return { code, output: process.output, lines: process.lines };
}
const status = () => server.object(CONFIG_MAPS, 'runner', STATUS)?.data;
const login = (): { readonly username: string; readonly password: string } | undefined => {
  const secret = server.object(SECRETS, 'runner', NAME);
  const text = Buffer.from(secret?.data?.['.dockerconfigjson'] ?? 'e30=', 'base64').toString();
  const { auths = {} } = JSON.parse(text) as { auths?: Record<string, { username: string; password: string }> };
  return Object.values(auths)[0];
};

describe('hybrid-runner registry-helper', () => {
  it('with keys writes the pull secret and says so, and nothing of the token', async () => {
    const { code, output } = await ended(KEYS);
    expect(output).toContain('the pull secret is made');
    expect(code).toBe(0);
    expect(login()).toMatchObject({ username: 'AWS', password: clouds.passwords[0] });
    expect(status()).toMatchObject({ outcome: 'written', registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com' });
    expect(Date.parse(status()?.['expiresAt'] ?? '')).toBeGreaterThan(Date.now() + 11 * 3_600_000);
  });

  it('with a web identity (IRSA) assumes the role', async () => {
    const token = join(folder.path, 'token');
    writeFileSync(token, 'not-a-real-web-identity');
    const role = 'arn:aws:iam::123456789012:role/pull';
    const { code } = await ended({ AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_ACCESS_KEY_ID: '' });
    expect(code).toBe(0);
    expect(new URLSearchParams(clouds.of('sts')[0]?.body).get('RoleArn')).toBe(role);
    expect(clouds.of('ecr')[0]?.headers['x-amz-security-token']).toBe('test-token');
    expect(login()?.password).toBe(clouds.passwords[0]);
  });

  it('with EKS Pod Identity asks its agent', async () => {
    const token = join(folder.path, 'token');
    writeFileSync(token, 'not-a-real-pod-identity');
    const { code } = await ended({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${clouds.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token,
    });
    expect(code).toBe(0);
    expect(clouds.of('container')[0]?.headers.authorization).toBe('not-a-real-pod-identity');
    expect(login()?.password).toBe(clouds.passwords[0]);
  });

  it('without any credentials says what there could be', async () => {
    const { code } = await ended({});
    expect(code).toBe(1);
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_no_credentials' });
    expect(status()?.['hint']).toMatch(/AWS_ACCESS_KEY_ID .*role-arn.*Pod Identity/);
  });

  it('with a web identity that may not assume the role, or has expired, says which', async () => {
    const token = join(folder.path, 'token');
    writeFileSync(token, 'not-a-real-web-identity');
    const irsa = { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pull', AWS_WEB_IDENTITY_TOKEN_FILE: token };
    const refusal = (type: string) => ({
      status: 403,
      headers: { 'content-type': 'text/xml' },
      body: `<ErrorResponse><Error><Type>Sender</Type><Code>${type}</Code><Message>no</Message></Error></ErrorResponse>`,
    });
    clouds.next('sts', refusal('AccessDenied'));
    await ended(irsa);
    expect(status()).toMatchObject({ code: 'registry_forbidden' });
    expect(status()?.['hint']).toContain('trust policy');
    clouds.next('sts', refusal('ExpiredTokenException'));
    await ended(irsa);
    expect(status()).toMatchObject({ code: 'registry_credentials_expired' });
    expect(status()?.['hint']).toMatch(/clock of the node/);
    clouds.next('sts', refusal('InvalidIdentityToken'));
    await ended(irsa);
    expect(status()).toMatchObject({ code: 'registry_wrong_credentials' });
    expect(status()?.['hint']).toMatch(/OIDC provider/);
    expect(status()?.['hint']).not.toContain('AWS_ACCESS_KEY_ID');
    await ended({ ...irsa, AWS_WEB_IDENTITY_TOKEN_FILE: '/does/not/exist' });
    expect(status()).toMatchObject({ code: 'registry_no_credentials' });
  });

  it('with wrong keys says so in words, ends with 1 and keeps the secret of before', async () => {
    await ended(KEYS);
    clouds.always('ecr', awsError('UnrecognizedClientException'));
    const { code, output } = await ended(KEYS);
    expect(code).toBe(1);
    expect(output).toContain('AWS does not know the access key AKIA…TEST, or its secret is wrong');
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_wrong_credentials' });
    expect(status()?.['message']).toMatch(/of before stays and is valid until \d{4}-/);
    expect(login()?.password).toBe(clouds.passwords[0]);
  });

  it('as a hook ends with 0 all the same, and the status has the reason', async () => {
    clouds.always('ecr', awsError('AccessDeniedException'));
    expect((await ended({ ...KEYS, REGISTRY_HELPER_HOOK: 'true' })).code).toBe(0);
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_forbidden' });
    expect((await ended({ REGISTRY_HELPER_HOOK: 'true', AWS_REGION: 'nowhere' })).code).toBe(0);
    expect(status()).toMatchObject({
      outcome: 'failed',
      code: 'registry_misconfigured',
      message: 'AWS_REGION is not an AWS region',
    });
  });

  it('asks again when it is throttled', async () => {
    clouds.next('ecr', awsError('ThrottlingException'), awsError('ThrottlingException'));
    expect((await ended(KEYS)).code).toBe(0);
    expect(clouds.of('ecr')).toHaveLength(3);
  });

  it('with a configuration that is wrong ends with 78 and says all of it', async () => {
    const { code, lines } = await ended({
      NAMESPACE_NAME: '',
      AWS_REGION: 'eu-west-1a',
      AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
    });
    expect(code).toBe(78);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(4);
  });

  it('told to leave does so, and says so where people look', async () => {
    clouds.always('ecr', awsError('ThrottlingException'));
    await using process = helper(KEYS);
    await process.line('no token yet, asking again');
    process.kill('SIGTERM');
    expect(await process.exit).toEqual({ code: 1, signal: null });
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_timed_out' });
    expect(status()?.['message']).toMatch(/told to end, before the pull secret was written/);
  });

  it('twice at once does no harm', async () => {
    const both = await Promise.all([ended(KEYS), ended(KEYS)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(clouds.passwords).toContain(login()?.password);
  });
});

describe('hybrid-runner registry-helper for Google Artifact Registry', () => {
  const GAR = { REGISTRY_TYPE: 'gar', DOCKER_REGISTRY: 'europe-west1-docker.pkg.dev' };

  it('takes the token of the metadata server (GKE workload identity)', async () => {
    const { code, output } = await ended({
      ...GAR,
      GCE_METADATA_HOST: clouds.host,
      METADATA_SERVER_DETECTION: 'assume-present',
    });
    expect(output).toContain('the pull secret is made');
    expect(code).toBe(0);
    expect(login()).toMatchObject({ username: 'oauth2accesstoken', password: clouds.passwords.at(-1) });
    expect(clouds.of('metadata').at(-1)?.headers['metadata-flavor']).toBe('Google');
  });

  /** Workload identity federation: a token of a file is exchanged for one of Google. */
  const federation = (url: string): string => {
    const subject = join(folder.path, 'subject');
    writeFileSync(subject, 'not-a-real-subject-token');
    const path = join(folder.path, 'federation.json');
    const configuration = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: url,
      credential_source: { file: subject },
    };
    writeFileSync(path, JSON.stringify(configuration));
    return path;
  };

  it('says that the metadata server gives no token, and that there are no credentials', async () => {
    clouds.always('metadata', { status: 403, headers: { 'metadata-flavor': 'Google' } });
    await ended({ ...GAR, GCE_METADATA_HOST: clouds.host, METADATA_SERVER_DETECTION: 'assume-present' });
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_forbidden' });
    await ended({ ...GAR, METADATA_SERVER_DETECTION: 'none' });
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_no_credentials' });
    await ended({ ...GAR, GOOGLE_APPLICATION_CREDENTIALS: '/does/not/exist' });
    expect(status()).toMatchObject({ outcome: 'failed', code: 'registry_no_credentials' });
  });

  it('with a file of credentials goes on over TLS of the network’s own authority', async () => {
    const authority = testAuthority();
    await using tls = await startTestClouds({ tls: authority.issue('127.0.0.1'), lifetimeMs: 3_600_000 });
    const ca = join(folder.path, 'ca.pem');
    writeFileSync(ca, authority.certificate);
    const credentials = { GOOGLE_APPLICATION_CREDENTIALS: federation(`${tls.url}/google/token`) };
    const { code, output } = await ended({ ...GAR, ...credentials, NODE_EXTRA_CA_CERTS: ca });
    expect(output).toContain('the schedule of the CronJob must be shorter');
    expect([code, login()?.username]).toEqual([0, 'oauth2accesstoken']);
    expect(tls.of('google')).not.toEqual([]);
    await ended({ ...GAR, ...credentials });
    expect(status()).toMatchObject({
      outcome: 'failed',
      code: 'registry_untrusted',
    });
  });
});
