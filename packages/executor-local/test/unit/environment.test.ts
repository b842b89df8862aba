import { describe, expect, it } from 'vitest';
import { DEFAULT_ALLOWED, programEnvironment, supervisorEnvironment } from '../../src/environment.ts';

const TOKEN = 'not-a-real-token';
const host = {
  PATH: '/bin',
  HOME: '/home/me',
  LC_ALL: 'C',
  TZ: 'UTC',
  HTTPS_PROXY: 'http://proxy:3128',
  NODE_EXTRA_CA_CERTS: '/ca.pem',
  AUTH_TOKEN: TOKEN,
  AUTH_TOKEN_FILE: '/token',
  OM_JWT: TOKEN,
  DATABASE_URL: 'postgres://x',
  AWS_PROFILE: 'dev',
  AWS_ACCESS_KEY_ID: 'x',
  GOOGLE_APPLICATION_CREDENTIALS: '/gcp.json',
  NODE_OPTIONS: '--inspect',
  EMPTY: undefined,
};

describe('the environment of a program', () => {
  it('has what is allowed of the host, and nothing else', () => {
    expect(programEnvironment({ host, allowed: DEFAULT_ALLOWED, contract: [] })).toEqual({
      PATH: '/bin',
      HOME: '/home/me',
      LC_ALL: 'C',
      TZ: 'UTC',
      HTTPS_PROXY: 'http://proxy:3128',
      NODE_EXTRA_CA_CERTS: '/ca.pem',
    });
  });

  it('lets the contract win', () => {
    const contract = [
      { name: 'PATH', value: '/other' },
      { name: 'config', value: '{}' },
    ];
    expect(programEnvironment({ host, allowed: ['PATH'], contract })).toEqual({ PATH: '/other', config: '{}' });
  });

  it("never has the agent's token, whatever is allowed and whatever it is called", () => {
    const contract = [{ name: 'EXTRA', value: TOKEN }];
    const environment = programEnvironment({ host, allowed: ['*'], contract });
    expect(Object.values(environment)).not.toContain(TOKEN);
    expect(environment).not.toHaveProperty('AUTH_TOKEN_FILE');
    expect(environment).toHaveProperty('DATABASE_URL');
  });

  it('has what the secrets manager finds its credentials by', () => {
    const allowed = ['PATH'];
    expect(programEnvironment({ host, allowed, contract: [], provider: 'managed-aws' })).toEqual({
      PATH: '/bin',
      AWS_PROFILE: 'dev',
      AWS_ACCESS_KEY_ID: 'x',
    });
    expect(programEnvironment({ host, allowed, contract: [], provider: 'gcp' })).toHaveProperty(
      'GOOGLE_APPLICATION_CREDENTIALS',
    );
    expect(programEnvironment({ host, allowed, contract: [], provider: 'file' })).toEqual({ PATH: '/bin' });
  });

  it('of a supervisor has next to nothing', () => {
    expect(supervisorEnvironment(host)).toEqual({ PATH: '/bin', HOME: '/home/me' });
  });
});
