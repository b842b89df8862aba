import { z } from 'zod';
import type { Api, ApiDeps } from '../deps.ts';
import { failures } from '../schemas.ts';

const healthSchema = z.object({ status: z.string() });

/** For load balancers and orchestrators. */
export function registerHealth(app: Api, { store }: Pick<ApiDeps, 'store'>): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { operation: 'health.read' },
    schema: { tags: ['system'], summary: 'The process answers', response: { 200: healthSchema, ...failures } },
    handler: () => ({ status: 'ok' }),
  });
  app.route({
    method: 'GET',
    url: '/readyz',
    config: { operation: 'health.read' },
    schema: { tags: ['system'], summary: 'The store answers', response: { 200: healthSchema, ...failures } },
    handler: async () => {
      await store.ping();
      return { status: 'ready' };
    },
  });
}
