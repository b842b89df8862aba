import { describe, expect, it } from 'vitest';
import { recordingLogger } from '@runner/core/testing';
import type { JsonObject, RunSpec } from '@runner/executor';
import { createPolicy } from '../../src/policy.ts';
import type { PolicyOptions } from '../../src/policy.ts';

const spec = (config: JsonObject = {}): RunSpec => ({
  runId: '11111111-2222-4333-8444-555555555555',
  owner: { controlPlaneId: 'cp', agentId: 'agent' },
  kind: 'pipeline',
  pipelineType: 'metadata',
  name: 'nightly',
  fqn: 'shop.nightly',
  config,
  deadlineSeconds: 60,
});
const postgres = (value: JsonObject) => ({ type: 'database/postgres', value });
const NOT_A_SECRET = 'hunter2-not-a-real-secret';

function policy(options: Partial<PolicyOptions> = {}) {
  const logger = recordingLogger();
  const made = createPolicy({ config: { secretsManager: 'kubernetes' }, plaintext: 'refuse', logger, ...options });
  return { ...made, logger };
}

describe('the policy of the agent', () => {
  it('allows references the secrets manager can resolve, and runs without a connection', () => {
    const strict = policy();
    expect(strict.check(spec(), postgres({ authType: { password: 'secret:shop-db' } }))).toEqual({ verdict: 'allow' });
    expect(strict.check(spec(), undefined)).toEqual({ verdict: 'allow' });
    expect(strict.check(spec(), postgres({ authType: { password: '' }, username: 'reader' }))).toEqual({
      verdict: 'allow',
    });
  });

  it('refuses plain values by their place, never by their value', () => {
    const verdict = policy().check(spec(), postgres({ authType: { password: NOT_A_SECRET } }));
    expect(verdict).toMatchObject({ verdict: 'refuse', code: 'plaintext_secret' });
    expect(JSON.stringify(verdict)).toContain('/authType/password');
    expect(JSON.stringify(verdict)).not.toContain(NOT_A_SECRET);
  });

  it('only warns about them when told to, and says nothing when they are allowed', () => {
    const warning = policy({ plaintext: 'warn' });
    const connection = postgres({ authType: { password: NOT_A_SECRET } });
    expect(warning.check(spec(), connection)).toEqual({ verdict: 'allow' });
    expect(warning.logger.text()).toContain('/authType/password');
    expect(warning.logger.text()).not.toContain(NOT_A_SECRET);
    const allowing = policy({ plaintext: 'allow' });
    expect(allowing.check(spec(), connection)).toEqual({ verdict: 'allow' });
    expect(allowing.logger.records).toEqual([]);
  });

  it.each([
    ['kubernetes', 'secret:/collate/hybrid-ingestion-runner/x', /path/],
    ['gcp', 'secret:a/b', /path/],
    ['managed-azure-kv', 'secret:a_b', /Key Vault/],
    ['db', 'secret:shop-db', /resolves nothing/],
    ['file', 'secret:../../etc/passwd', /"\.\."/],
  ] as const)('refuses a reference that %s cannot resolve: %s', (secretsManager, password, message) => {
    for (const plaintext of ['refuse', 'warn', 'allow'] as const) {
      const strict = policy({ config: { secretsManager }, plaintext });
      expect(strict.check(spec(), postgres({ authType: { password } }))).toMatchObject({
        verdict: 'refuse',
        code: 'invalid_secret_reference',
        message: expect.stringMatching(message) as string,
      });
    }
  });

  it.each(['refuse', 'warn', 'allow'] as const)(
    'refuses what is nested too deep to be looked into: %s',
    (plaintext) => {
      let deep: JsonObject = { password: NOT_A_SECRET };
      for (let depth = 0; depth < 100; depth += 1) deep = { deeper: deep };
      const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`password${index}`, NOT_A_SECRET]));
      for (const value of [deep, { ...many, deep }]) {
        const verdict = policy({ plaintext }).check(spec(), { type: 'unknown', value });
        expect(verdict).toMatchObject({ verdict: 'refuse', code: 'plaintext_secret' });
        expect(JSON.stringify(verdict)).not.toContain(NOT_A_SECRET);
      }
    },
  );

  it('refuses a reference that is none', () => {
    expect(policy().check(spec(), postgres({ authType: { password: 'Secret:shop-db' } }))).toMatchObject({
      code: 'invalid_secret_reference',
    });
  });

  it('measures the config with everything that is merged into it: 131,064 bytes pass, one more does not', () => {
    const strict = policy();
    const frame = (filler: string): JsonObject => ({
      filler,
      workflowConfig: { openMetadataServerConfig: { hostPort: 'http://x' } },
    });
    const merged = {
      ...frame(''),
      workflowConfig: {
        openMetadataServerConfig: {
          hostPort: 'http://x',
          secretsManagerProvider: 'kubernetes',
          secretsManagerLoader: 'env',
        },
      },
    };
    const room = 131_064 - JSON.stringify(merged).length;
    expect(strict.check(spec(frame('x'.repeat(room))), undefined)).toEqual({ verdict: 'allow' });
    expect(strict.check(spec(frame('x'.repeat(room + 1))), undefined)).toMatchObject({
      verdict: 'refuse',
      code: 'config_too_large',
      message: expect.stringContaining('131065') as string,
    });
  });
});
