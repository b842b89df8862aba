import { z } from 'zod';
import type { Api, ApiDeps } from '../deps.ts';
import { failures, jsonObjectSchema } from '../schemas.ts';

const versionSchema = z.object({
  version: z.string().describe('the OpenMetadata version this server stands for; workloads compare major.minor'),
  revision: z.string(),
  timestamp: z.number(),
});

export function registerSystem(app: Api, { auth, clock, config }: Pick<ApiDeps, 'auth' | 'clock' | 'config'>): void {
  app.route({
    method: 'GET',
    url: '/api/v1/system/version',
    config: { operation: 'version.read' },
    schema: { tags: ['system'], summary: 'Version', response: { 200: versionSchema, ...failures } },
    handler: () => ({
      version: config.openMetadataVersion ?? 'unknown',
      revision: 'hybrid-ingestion-runner',
      timestamp: clock.now(),
    }),
  });
  app.route({
    method: 'GET',
    url: '/api/v1/system/config/jwks',
    config: { operation: 'keys.read' },
    schema: {
      tags: ['system'],
      summary: 'Public keys of the tokens issued here, as a JWKS',
      response: { 200: z.object({ keys: z.array(jsonObjectSchema) }), ...failures },
    },
    handler: () => ({ keys: auth.jwks().keys.map((key) => ({ ...key })) }),
  });
}
