import { createSecretResolver } from '@runner/secrets';
import { createMemoryProvider } from '@runner/secrets/testing';
import { describe, expect, it } from 'vitest';
import { readConnection } from '../../src/connection.ts';

const { signal } = new AbortController();
const read = (changes: Record<string, unknown>) =>
  readConnection(
    { type: 'Postgres', username: 'om', hostPort: 'db:5432', database: 'shop', ...changes },
    createSecretResolver({ provider: createMemoryProvider({ db: 'hunter2' }) }),
    signal,
  );

describe('the connection of a service', () => {
  it('has its reference resolved, as a Secret', async () => {
    const connection = await read({ authType: { password: 'secret:db' } });
    expect(connection).toMatchObject({ host: 'db', port: 5432, user: 'om', database: 'shop', tls: 'off' });
    expect(connection.password?.reveal()).toBe('hunter2');
    expect(JSON.stringify(connection)).not.toContain('hunter2');
  });

  it('may have no password at all', async () => {
    expect((await read({})).password).toBeUndefined();
    expect((await read({ authType: { password: '' } })).password).toBeUndefined();
  });

  it('uses a reference outside the masked fields as it is written, as the library does', async () => {
    expect((await read({ username: 'secret:db' })).user).toBe('secret:db');
  });

  it.each([
    ['localhost', 'localhost', 5432],
    ['localhost:6000', 'localhost', 6000],
    ['[::1]:6000', '::1', 6000],
  ])('at %s is at %s, port %i', async (hostPort, host, port) => {
    expect(await read({ hostPort })).toMatchObject({ host, port });
  });

  it.each([undefined, '', 'db:', 'db:0', 'db:70000', 'db:x', 'http://db:5432', 'a b'])(
    'without a good hostPort (%j) is refused',
    async (hostPort) => {
      await expect(read({ hostPort })).rejects.toMatchObject({ code: 'quickstart_connection' });
    },
  );

  it('is refused for another database, for a masked password and for a reference that leads nowhere', async () => {
    await expect(read({ type: 'Mysql' })).rejects.toThrow('PostgreSQL');
    await expect(read({ authType: { password: '********' } })).rejects.toThrow('masked');
    await expect(read({ authType: { password: 'secret:nosuch' } })).rejects.toMatchObject({
      code: 'secret_config_unresolved',
      message: expect.stringContaining('/authType/password') as unknown,
    });
  });
});
