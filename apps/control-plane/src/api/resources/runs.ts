import { z } from 'zod';
import { principalOf, requireAdmin } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { missing } from '../entities.ts';
import { runSchema, shown } from '../run-document.ts';
import { runEvents } from '../run-events.ts';
import { failures, runIdSchema } from '../schemas.ts';
import { sendEvents } from '../sse.ts';

const BASE = '/api/v1/runs';
const tags = ['runs'];
const params = z.object({ runId: runIdSchema });

const listQuerySchema = z.object({
  entityId: z
    .uuid()
    .optional()
    .describe('all runs of this entity, newest first; without it the open runs of everything'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: runIdSchema.optional().describe('of open runs: the last runId of the page before'),
});

/** Runs as this control plane sees them; OpenMetadata has no path for them. */
export function registerRuns(app: Api, deps: ApiDeps): void {
  const { store, trigger } = deps;
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'runs.read' },
    schema: {
      tags,
      summary: 'List',
      querystring: listQuerySchema,
      response: { 200: z.object({ data: z.array(runSchema) }), ...failures },
    },
    handler: async (request) => {
      const { entityId, limit, after } = request.query;
      const rows =
        entityId === undefined ? await store.runs.open(limit, after) : await store.runs.ofEntity(entityId, limit);
      return { data: rows.map(shown) };
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:runId`,
    config: { operation: 'runs.read' },
    schema: { tags, summary: 'Read', params, response: { 200: runSchema, ...failures } },
    handler: async (request) => {
      const row = await store.runs.get(request.params.runId);
      if (row === undefined) throw missing('run', request.params.runId);
      return shown(row);
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:runId/stream`,
    config: { operation: 'runs.read' },
    schema: {
      tags,
      summary: 'The run as server-sent events, whole with every change, until it has ended',
      params,
      response: { 200: z.string().describe('text/event-stream of Run'), ...failures },
    },
    handler: async (request, reply) => {
      const { runId } = request.params;
      if ((await store.runs.get(runId)) === undefined) throw missing('run', runId);
      const options = { clock: deps.clock, logger: deps.logger, onFailure: () => ({ runId, interrupted: true }) };
      return sendEvents(request, reply, options, (signal) => runEvents(deps, runId, signal));
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:runId/kill`,
    config: { operation: 'runs.kill' },
    schema: {
      tags,
      summary: 'End this run; killing again, or after its end, changes nothing',
      params,
      querystring: z.object({
        force: z.stringbool().default(false).describe('administrators only: close it as failed (abandoned) at once'),
      }),
      response: { 200: runSchema, ...failures },
    },
    handler: async (request) => {
      const { force } = request.query;
      if (force) requireAdmin(request, 'kill by force');
      deps.logger.info('a run is being killed', {
        runId: request.params.runId,
        by: principalOf(request).subject,
        force,
      });
      return shown(await trigger.killRun(request.params.runId, { force }));
    },
  });
}
