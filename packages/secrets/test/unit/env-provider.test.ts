import { DEFAULT_ENV_PREFIX, createEnvProvider, secretVariable } from '@runner/secrets/env';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const { signal } = new AbortController();

describe('secrets in the environment', () => {
  it.each([
    ['demo-db-password', 'RUNNER_SECRET_DEMO_DB_PASSWORD'],
    ['/my/database/password', 'RUNNER_SECRET_MY_DATABASE_PASSWORD'],
    ['a.b', 'RUNNER_SECRET_A_B'],
  ])('are found for the id %s in %s', async (id, variable) => {
    expect(secretVariable(id)).toBe(variable);
    const { value } = await createEnvProvider({ env: { [variable]: 'value' } }).fetch(id, { signal });
    expect(value.reveal()).toBe('value');
  });

  it('are never variables without the prefix', async () => {
    const env = { PATH: '/bin', HOME: '/root', AUTH_TOKEN: 'token' };
    const provider = createEnvProvider({ env });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(...Object.keys(env), 'path', '__proto__', 'toString'), fc.string()),
        async (id) => {
          await expect(provider.fetch(id, { signal })).rejects.toMatchObject({
            code: expect.stringMatching(/^secret_(not_found|malformed_id)$/) as unknown,
          });
          expect(secretVariable(id).startsWith(DEFAULT_ENV_PREFIX)).toBe(true);
        },
      ),
    );
  });

  it('are read at each call, with a prefix of your own if you like', async () => {
    const env: Record<string, string> = {};
    const provider = createEnvProvider({ env, prefix: 'MY_' });
    await expect(provider.fetch('db', { signal })).rejects.toMatchObject({
      code: 'secret_not_found',
      message: expect.stringContaining('MY_DB') as unknown,
    });
    env['MY_DB'] = 'value';
    expect((await provider.fetch('db', { signal })).value.reveal()).toBe('value');
  });
});
