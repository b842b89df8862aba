import { describe, expect, it } from 'vitest';
import { createService } from '../../src/service.ts';
import { startPasswordServer } from '../support/password-server.ts';
import { proveRotation } from '../support/rotation.ts';

describe('a service with its password in a store', () => {
  it('serves, and goes on after the password was rotated, without a restart', async () => {
    await expect(proveRotation(createService)).resolves.toBeUndefined();
  });

  it('says which reference it cannot read, and where it looked', async () => {
    await using database = await startPasswordServer('not-real');
    const app = await createService({
      SECRETS_MANAGER: 'env',
      DATABASE_PASSWORD: 'secret:orders-db',
      PGHOST: '127.0.0.1',
      PGPORT: String(database.port),
      PGUSER: 'shop',
    });
    const answer = await app.inject('/orders');
    await app.close();
    expect(answer.statusCode).toBe(500);
    expect(answer.json<{ message: string }>().message).toContain('RUNNER_SECRET_ORDERS_DB');
  });
});
