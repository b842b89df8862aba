import { z } from 'zod';
import { pipelineStateOf } from '../../openmetadata/states.ts';
import type { RunRow } from '../../store/ports.ts';
import { principalOf, requireAdmin } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { missing } from '../entities.ts';
import { failures, jsonObjectSchema, runIdSchema } from '../schemas.ts';

const BASE = '/api/v1/runs';
const tags = ['runs'];
const params = z.object({ runId: runIdSchema });

const runSchema = z
  .looseObject({
    runId: z.string(),
    kind: z.enum(['pipeline', 'automation', 'application']),
    entityId: z.string(),
    entityFqn: z.string(),
    runner: z.string().describe('name of the ingestion runner'),
    state: z.string().describe('queued, accepted, pending, running, cancelling, or how it ended'),
    pipelineState: z.string().describe('the same in OpenMetadata’s words'),
    want: z.enum(['run', 'cancel']),
    writtenBy: z.string().describe('who said so: main, exitStep, runner, controlPlane'),
    reason: z.string().optional().describe('more exact than the state, such as runner_unavailable'),
    diagnosis: jsonObjectSchema.optional().describe('why it waits, or why it ended as it did'),
    outcome: jsonObjectSchema.optional(),
    trigger: z.string(),
    createdBy: z.string(),
    attempt: z.number(),
    retryOf: z.string().optional(),
    slot: z.number().optional().describe('the scheduled instant'),
    queuedAt: z.number(),
  })
  .meta({ id: 'Run' });
type Run = z.infer<typeof runSchema>;

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

/** Everything but what the workload gets: that holds its token. */
function shown(row: RunRow): Run {
  const { record } = row;
  return {
    runId: record.runId,
    kind: row.kind,
    entityId: row.entityId,
    entityFqn: row.entityFqn,
    runner: record.agentId,
    state: record.state,
    pipelineState: pipelineStateOf(record),
    want: record.want,
    writtenBy: record.writtenBy,
    pipelineType: record.pipelineType,
    priority: record.priority,
    deadlineSeconds: record.deadlineSeconds,
    trigger: row.trigger,
    createdBy: row.createdBy,
    attempt: row.attempt,
    queuedAt: record.queuedAt,
    ...present({
      reason: record.reason,
      diagnosis: record.diagnosis,
      outcome: record.outcome,
      workload: record.workload,
      retryOf: row.retryOf,
      slot: row.slot,
      acceptedAt: record.acceptedAt,
      startedAt: record.startedAt,
      endedAt: record.endedAt,
    }),
  };
}

function present(fields: Readonly<Record<string, unknown>>): Record<string, never> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, never>;
}
