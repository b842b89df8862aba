import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { RunnerError } from '@runner/core';
import { registerAuthentication } from './authentication.ts';
import type { ApiConfig, ApiDeps } from './deps.ts';
import { registerErrors, sendError } from './errors.ts';
import { DOCS_PATH, registerDocumentation, registerOpenApi } from './openapi.ts';
import { checkBody, checkText } from './request-hygiene.ts';
import { registerApps } from './resources/apps.ts';
import { registerAutomations } from './resources/automations.ts';
import { registerHealth } from './resources/health.ts';
import { ensureDefaultRunner, registerRunners } from './resources/ingestion-runners.ts';
import { registerPipelineActions } from './resources/pipeline-actions.ts';
import { registerPipelineLogs } from './resources/pipeline-logs.ts';
import { registerPipelineStatus } from './resources/pipeline-status.ts';
import { registerPipelines } from './resources/ingestion-pipelines.ts';
import { registerProgress } from './resources/progress.ts';
import { registerRuns } from './resources/runs.ts';
import { registerServices } from './resources/services.ts';
import { registerSystem } from './resources/system.ts';
import { registerTestConnectionDefinitions } from './resources/test-connection-definitions.ts';
import { registerTokens } from './resources/tokens.ts';

export type { ApiConfig, ApiDeps } from './deps.ts';

/** What the Fastify instance has to be made with, so that FQNs fit into paths and bodies have their limit. */
export function apiServerOptions(config: Pick<ApiConfig, 'bodyLimitBytes'>): FastifyServerOptions {
  return {
    logger: false,
    bodyLimit: config.bodyLimitBytes,
    // An FQN of 3,072 characters, each of them percent-encoded.
    routerOptions: { maxParamLength: 3072 * 9 },
    // Answers while it stops; readers of streams are let go by closing their connection.
    forceCloseConnections: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'remove',
    // What is not even a path never reaches the error handler.
    frameworkErrors: (_error, _request, reply) => {
      void sendError(reply, {
        code: 400,
        errorType: 'invalid_request',
        message: 'the path of the request cannot be read',
      });
    },
  };
}

/** Puts the whole REST API on a Fastify instance made with `apiServerOptions`. */
export async function registerApi(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  await ensureDefaultRunner(deps);
  app.setValidatorCompiler(validatorCompiler);
  // Schemas of answers are documentation and types. Stored documents may be older than a schema and are still shown.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  registerErrors(app, deps.logger);
  await app.register(helmet, { contentSecurityPolicy: { directives: { 'default-src': ["'none'"] } } });
  await registerAuthentication(app, { auth: deps.auth, rateLimitPerMinute: deps.config.rateLimitPerMinute });
  registerParsers(app);
  registerHygiene(app);
  await registerOpenApi(app);
  requireOperations(app);

  const api = app.withTypeProvider<ZodTypeProvider>();
  registerHealth(api, deps);
  registerSystem(api, deps);
  registerServices(api, deps);
  registerTestConnectionDefinitions(api, deps);
  registerPipelines(api, deps);
  registerPipelineActions(api, deps);
  registerPipelineStatus(api, deps);
  registerProgress(api, deps);
  registerPipelineLogs(api, deps);
  registerAutomations(api, deps);
  registerApps(api, deps);
  registerRunners(api, deps);
  registerRuns(api, deps);
  registerTokens(api, deps);
  await registerDocumentation(app, deps.logger);
}

/** JSON Patch is JSON; a body that is not there is not an error where none is needed (`POST …/trigger`). */
function registerParsers(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'remove');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser(
    ['application/json', 'application/json-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') done(null, undefined);
      else void parse(request, String(body), done);
    },
  );
}

function registerHygiene(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    try {
      checkBody(request.body, request.routeOptions.config.rawText !== true);
      for (const texts of [request.params, request.query] as readonly Record<string, unknown>[]) {
        for (const text of Object.values(texts).flat()) if (typeof text === 'string') checkText(text);
      }
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/** A route without an operation would be open to everybody: refused at start, not found by an attacker. */
function requireOperations(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith(DOCS_PATH)) return;
    if (route.config?.operation !== undefined) return;
    throw new RunnerError(
      'route_without_operation',
      `the route ${String(route.method)} ${route.url} names no operation`,
    );
  });
}
