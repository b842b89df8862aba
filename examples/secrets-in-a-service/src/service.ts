import { createSecretResolver } from '@runner/secrets';
import { chooseProvider } from '@runner/secrets/choose';
import type { FastifyInstance } from 'fastify';
import { fastify } from 'fastify';
import pg from 'pg';

type Environment = Readonly<Record<string, string | undefined>>;

/** DATABASE_PASSWORD is a reference, such as `secret:orders-db`; SECRETS_MANAGER names the store that has the value. */
export async function createService(env: Environment): Promise<FastifyInstance> {
  const folder = env['SECRETS_FILE_DIR'] ?? '/run/secrets';
  const provider = await chooseProvider(env['SECRETS_MANAGER'] ?? 'kubernetes', { env, file: { folder } });
  const secrets = createSecretResolver({ provider });
  const password = async (): Promise<string> => (await secrets.resolve(env['DATABASE_PASSWORD'] ?? '')).reveal();
  const pool = new pg.Pool({ host: env['PGHOST'], port: Number(env['PGPORT'] ?? 5432), user: env['PGUSER'], password });
  const app = fastify();
  app.get('/orders', async () => (await pool.query('SELECT count(*) AS orders FROM orders')).rows[0] as object);
  // A refused login may mean that the password was rotated: the next connection asks the store again.
  app.addHook('onError', async (_request, _reply, error) => {
    if (error.code === '28P01') secrets.forget();
    await Promise.resolve();
  });
  app.addHook('onClose', async () => {
    await Promise.all([pool.end(), secrets.close()]);
  });
  return app;
}
