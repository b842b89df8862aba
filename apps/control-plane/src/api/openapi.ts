import swagger from '@fastify/swagger';
import { messageOf } from '@runner/core';
import type { Logger } from '@runner/core';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { ACCESS, isPublic } from './access.ts';
import type { Operation } from './access.ts';

export const OPENAPI_PATH = '/openapi.json';
export const DOCS_PATH = '/docs';

const DESCRIPTION = `Control plane of the Hybrid Ingestion Runner. Resources have OpenMetadata's paths and field names wherever it has one.

Send \`Authorization: Bearer <token>\`. Failures are answered as \`{code, errorType, message, hint?, errors?}\`: \`code\` is the
HTTP status, \`errorType\` is stable, \`errors\` points at places with JSON pointers.`;

/** Documents every route from its schemas. Must be registered before the routes. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Hybrid Ingestion Runner: control plane', description: DESCRIPTION, version: '1' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    transform: (document) => {
      const transformed = jsonSchemaTransform(document);
      const { operation } = (document.route.config ?? {}) as { operation?: Operation };
      if (operation === undefined) return { ...transformed, schema: { ...transformed.schema, hide: true } };
      return { ...transformed, schema: { ...transformed.schema, ...permission(operation) } };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

function permission(operation: Operation): Record<string, unknown> {
  if (isPublic(operation)) return { security: [] };
  return { security: [{ token: [] }], 'x-operation': operation, 'x-roles': ACCESS[operation] };
}

/**
 * The document itself, and a page to try it whose scripts come from this server. Registered after the routes. The page's
 * package brings files that no bundle can hold: where it is not installed beside the bundle there is no page.
 */
export async function registerDocumentation(app: FastifyInstance, logger: Logger): Promise<void> {
  app.get(OPENAPI_PATH, { config: { operation: 'documentation.read' }, schema: { hide: true } }, () => app.swagger());
  const page = await import('@fastify/swagger-ui').catch((error: unknown) => {
    logger.info('there is no page to try the API: its package is not installed', { cause: messageOf(error) });
    return undefined;
  });
  if (page === undefined) return;
  await app.register(page.default, {
    routePrefix: DOCS_PATH,
    staticCSP: true,
    uiConfig: { url: OPENAPI_PATH, persistAuthorization: false, tryItOutEnabled: true },
  });
}
