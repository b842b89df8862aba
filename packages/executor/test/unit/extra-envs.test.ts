import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseExtraEnvs,
  secretsManagerEnvironment,
  secretsManagerPodLabels,
  secretsManagerProblems,
} from '../../src/index.ts';

const values = (input: Parameters<typeof parseExtraEnvs>[0]): Record<string, string> =>
  Object.fromEntries(parseExtraEnvs(input).variables.map(({ name, value }) => [name, value]));

describe('extra environment variables', () => {
  it.each([
    ['[A:1,B:2]', { A: '1', B: '2' }],
    ['[A:1, B:2]', { A: '1', B: '2' }],
    ['A:1,B:2', { A: '1', B: '2' }],
    ['AZURE_KEY_VAULT_NAME:my-vault', { AZURE_KEY_VAULT_NAME: 'my-vault' }],
    ['[LIST:a,b,c,NEXT:x]', { LIST: 'a,b,c', NEXT: 'x' }],
    ['[URL:http://host:8080/x?a=b,OTHER:y]', { URL: 'http://host:8080/x?a=b', OTHER: 'y' }],
    ['[URLS:http://a,https://b]', { URLS: 'http://a,https://b' }],
    ['[EMPTY:,A:1]', { EMPTY: '', A: '1' }],
    ['[JSON:{"a":"b"}]', { JSON: '{"a":"b"}' }],
    ['["A:1,x:2","B:3"]', { A: '1,x:2', B: '3' }],
    [['A:1,B:2', 'C:3'], { A: '1,B:2', C: '3' }],
    ['', {}],
    ['[]', {}],
    [undefined, {}],
  ])('reads %j', (input, expected) => {
    expect(values(input)).toEqual(expected);
    expect(parseExtraEnvs(input).problems).toEqual([]);
  });

  it('lets the last of a repeated name count, with a warning', () => {
    const { variables, problems } = parseExtraEnvs('[A:1,B:2,A:3]');
    expect(variables).toEqual([
      { name: 'A', value: '3' },
      { name: 'B', value: '2' },
    ]);
    expect(problems).toMatchObject([{ level: 'warning', code: 'extra_env_duplicate' }]);
    expect(problems[0]?.message).toContain('A');
  });

  it('leaves out names of the workload contract, with a warning', () => {
    const { variables, problems } = parseExtraEnvs('[config:x,pipelineRunId:y,A:1]');
    expect(variables).toEqual([{ name: 'A', value: '1' }]);
    expect(problems.map(({ code }) => code)).toEqual(['extra_env_reserved', 'extra_env_reserved']);
  });

  it.each(['novalue', ':x', '1A:x', ['A-B:x'], ['A:x\0y']])('calls %j malformed without repeating it', (input) => {
    const { variables, problems } = parseExtraEnvs(input);
    expect(variables).toEqual([]);
    expect(problems).toMatchObject([{ level: 'error', code: 'extra_env_malformed' }]);
    expect(problems[0]?.message).not.toContain('novalue');
  });

  it('reads back whatever was written in the form of the chart, when values hold no comma before a name', () => {
    const name = fc.stringMatching(/^X[A-Z0-9_]{0,10}$/);
    const value = fc.stringMatching(/^[a-z0-9:=/.-]{1,20}$/);
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n }), (entries) => {
        const text = `[${entries.map(([n, v]) => `${n}:${v}`).join(',')}]`;
        expect(values(text)).toEqual(Object.fromEntries(entries));
      }),
    );
  });
});

describe('secrets managers', () => {
  it.each([
    [{ provider: 'kubernetes' }, { KUBERNETES_IN_CLUSTER: 'true' }],
    [
      { provider: 'kubernetes', namespace: 'secrets' },
      { KUBERNETES_IN_CLUSTER: 'true', KUBERNETES_NAMESPACE: 'secrets' },
    ],
    [{ provider: 'kubernetes', inCluster: false }, {}],
    [{ provider: 'managed-aws', region: 'eu-west-1' }, { AWS_DEFAULT_REGION: 'eu-west-1' }],
    [{ provider: 'aws-ssm', region: 'eu-west-1' }, { AWS_DEFAULT_REGION: 'eu-west-1' }],
    [{ provider: 'managed-azure-kv', vaultName: 'vault' }, { AZURE_KEY_VAULT_NAME: 'vault' }],
    [{ provider: 'gcp', project: 'proj' }, { GOOGLE_CLOUD_PROJECT: 'proj' }],
    [{ provider: 'file', environment: { SECRETS_FILE_DIR: '/secrets' } }, { SECRETS_FILE_DIR: '/secrets' }],
    [{ provider: 'db', region: 'eu-west-1' }, {}],
  ] as const)('%j needs %j', (settings, expected) => {
    const variables = secretsManagerEnvironment(settings);
    expect(Object.fromEntries(variables.map(({ name, value }) => [name, value]))).toEqual(expected);
  });

  it('say which variable is missing, and are content when an extra variable sets it', () => {
    expect(secretsManagerProblems({ provider: 'azure-kv' }, [])).toMatchObject([
      {
        level: 'error',
        code: 'secrets_manager_setting_missing',
        hint: expect.stringContaining('AZURE_KEY_VAULT_NAME') as string,
      },
    ]);
    expect(secretsManagerProblems({ provider: 'managed-aws' }, ['AWS_REGION'])).toMatchObject([{ level: 'warning' }]);
    expect(secretsManagerProblems({ provider: 'gcp' }, ['GOOGLE_CLOUD_PROJECT'])).toEqual([]);
    expect(secretsManagerProblems({ provider: 'kubernetes' }, [])).toEqual([]);
  });

  it('of Azure ask for workload identity on pods', () => {
    expect(secretsManagerPodLabels('managed-azure-kv')).toEqual({ 'azure.workload.identity/use': 'true' });
    expect(secretsManagerPodLabels('kubernetes')).toEqual({});
  });
});
