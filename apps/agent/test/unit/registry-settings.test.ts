import { describe, expect, it } from 'vitest';
import { parseRegistrySettings } from '../../src/registry/settings.ts';

const readFile = (path: string): string => {
  if (path === '/kubeconfig') return 'apiVersion: v1';
  if (path === '/ca.pem') return '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----';
  if (path === '/der') return 'binary';
  throw Object.assign(new Error('none'), { code: 'ENOENT' });
};
const BASE = { KUBECONFIG: '/kubeconfig', NAMESPACE_NAME: 'runner', AWS_REGION: 'eu-west-1' };
const parse = (env: Readonly<Record<string, string>>) => parseRegistrySettings({ ...BASE, ...env }, readFile);
const settings = (env: Readonly<Record<string, string>> = {}) => {
  const result = parse(env);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.settings;
};
const problems = (env: Readonly<Record<string, string>>): readonly string[] => {
  const result = parse(env);
  return result.ok ? [] : result.problems.map(({ variable, message }) => `${variable} ${message}`);
};

describe('the environment of the registry helper', () => {
  it('of the official chart is enough: keys, account and region make the registry', () => {
    const found = settings({
      AWS_ACCOUNT: '118146679784',
      AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
      AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
      DOCKER_SECRET_NAME: 'omd-registry-credentials',
    });
    expect(found).toMatchObject({
      source: { type: 'ecr', region: 'eu-west-1', registry: '118146679784.dkr.ecr.eu-west-1.amazonaws.com' },
      namespaces: ['runner'],
      secretName: 'omd-registry-credentials',
      identity: 'the access key AKIA…TEST',
    });
    expect(JSON.stringify(found)).not.toContain('not-a-real-key');
  });

  it('takes empty values, as charts render them, for no values', () => {
    const found = settings({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', PULL_SECRET_NAMESPACES: '' });
    expect(found.source).toMatchObject({ keys: undefined, registry: undefined });
  });

  it.each([
    ['https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/', '123456789012.dkr.ecr.eu-west-1.amazonaws.com'],
    ['127.0.0.1:5000', '127.0.0.1:5000'],
    ['Example.AzureCR.io', 'example.azurecr.io'],
  ])('reads the registry %s as its host', (written, host) => {
    expect(settings({ DOCKER_REGISTRY: written }).source.registry).toBe(host);
  });

  it('knows the region by the registry, and warns where another one is set', () => {
    const DOCKER_REGISTRY = '123456789012.dkr.ecr.eu-north-1.amazonaws.com';
    expect(settings({ AWS_REGION: '', DOCKER_REGISTRY }).source).toMatchObject({ region: 'eu-north-1' });
    expect(parse({ DOCKER_REGISTRY }).warnings).toMatchObject([{ variable: 'AWS_REGION', read: 'eu-west-1' }]);
  });

  it('says in China where the registry is', () => {
    expect(settings({ AWS_REGION: 'cn-north-1', AWS_ACCOUNT: '123456789012' }).source.registry).toBe(
      '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
    );
  });

  it('guesses no name where registries have other ones, and knows the region by them', () => {
    expect(settings({ AWS_REGION: 'eusc-de-east-1', AWS_ACCOUNT: '123456789012' }).source.registry).toBeUndefined();
    const DOCKER_REGISTRY = '123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu';
    expect(settings({ AWS_REGION: '', DOCKER_REGISTRY }).source).toMatchObject({ region: 'eusc-de-east-1' });
  });

  it('lists each namespace once', () => {
    expect(settings({ PULL_SECRET_NAMESPACES: 'runner, ingestion,runner' }).namespaces).toEqual([
      'runner',
      'ingestion',
    ]);
  });

  it('tells all problems at once', () => {
    expect(
      problems({
        NAMESPACE_NAME: '',
        AWS_REGION: 'eu-west-1a',
        AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
        DOCKER_REGISTRY: 'example.test/path',
        PULL_SECRET_NAMESPACES: 'Runner',
        REGISTRY_HELPER_HOOK: 'maybe',
        NODE_EXTRA_CA_CERTS: '/der',
        GOOGLE_SDK_NODE_LOGGING: 'all',
        KUBECONFIG: '/absent',
      }),
    ).toEqual([
      'DOCKER_REGISTRY has a path, and a login is for a whole registry',
      'PULL_SECRET_NAMESPACES names "Runner", which is no Kubernetes name',
      'REGISTRY_HELPER_HOOK is neither true nor false',
      'AWS_REGION is not an AWS region',
      'NAMESPACE_NAME is not set',
      'AWS_SECRET_ACCESS_KEY is not set',
      "GOOGLE_SDK_NODE_LOGGING makes Google's SDK write tokens to the log",
      'NODE_EXTRA_CA_CERTS names a file without a certificate in PEM form',
      'KUBECONFIG names a file that cannot be read (ENOENT)',
    ]);
  });

  it.each(['acr', 'gar'])('of %s needs the registry by name', (type) => {
    expect(problems({ REGISTRY_TYPE: type })).toEqual(['DOCKER_REGISTRY is not set']);
  });

  it('of acr with a client secret needs who it is the secret of', () => {
    const env = {
      REGISTRY_TYPE: 'acr',
      DOCKER_REGISTRY: 'example.azurecr.io',
      AZURE_CLIENT_SECRET: 'not-a-real-secret',
    };
    expect(problems(env)).toEqual(['AZURE_TENANT_ID is not set', 'AZURE_CLIENT_ID is not set']);
  });

  it('shows no secret in a problem', () => {
    const result = parse({ AWS_SECRET_ACCESS_KEY: 'x'.repeat(2_000), AWS_SESSION_TOKEN: 'y'.repeat(20_000) });
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toMatch(/xxx|yyy/);
  });

  it('that is wrong still says where the status goes', () => {
    const { place } = parse({
      AWS_REGION: 'nowhere',
      PULL_SECRET_STATUS_CONFIGMAP: 'status',
      REGISTRY_HELPER_HOOK: 'true',
    });
    expect(place).toMatchObject({ hook: true, namespace: 'runner', statusConfigMap: 'status' });
    expect(place.cluster).toEqual({ kind: 'kubeconfig', path: '/kubeconfig' });
  });
});
