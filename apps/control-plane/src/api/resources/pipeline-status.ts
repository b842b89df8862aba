import { RunnerError } from '@runner/core';
import { isClosed, recordByExitStep, recordByMain } from '@runner/protocol/server';
import { z } from 'zod';
import { statusByExitStep, statusByMain, voiceOf, workloadStatusOf } from '../../openmetadata/pipeline-status.ts';
import { INCOMING_STATES, isTerminalPipelineState, pipelineStateOf } from '../../openmetadata/states.ts';
import type { Entity, JsonObject, RunRow, StatusRow, Store } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { entityByEither, entityById } from '../entities.ts';
import { requireOwn } from '../run-scope.ts';
import { emptySchema, failures, fqnParamsSchema, idParamsSchema, jsonObjectSchema, runIdSchema } from '../schemas.ts';
import { PIPELINES_BASE } from './ingestion-pipelines.ts';

const KIND = 'ingestionPipeline';
const tags = ['pipelineStatus'];
const instant = z.number().int().min(0).max(8.64e15);

const stepSchema = z.looseObject({
  name: z.string().max(1024),
  records: z.number().nullish(),
  updated_records: z.number().nullish(),
  warnings: z.number().nullish(),
  errors: z.number().nullish(),
  filtered: z.number().nullish(),
  failures: z.array(z.looseObject({ name: z.string(), error: z.string() })).nullish(),
});

const statusSchema = z
  .looseObject({
    runId: runIdSchema,
    pipelineState: z.enum(INCOMING_STATES),
    startDate: instant.nullish(),
    endDate: instant.nullish(),
    timestamp: instant.nullish(),
    status: z.array(stepSchema).nullish().describe('summaries of the steps; unknown fields are kept'),
  })
  .meta({ id: 'PipelineStatus' });

const rangeSchema = z.object({
  startTs: z.coerce.number().int().min(0).max(8.64e15).optional().describe('epoch milliseconds'),
  endTs: z.coerce.number().int().min(0).max(8.64e15).optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional().describe('without a range the latest 5'),
});

const runParamsSchema = fqnParamsSchema.extend({ runId: runIdSchema });

export function registerPipelineStatus(app: Api, deps: ApiDeps): void {
  registerStatusPut(app, deps);
  registerStatusReads(app, deps);
  registerStatusDeletion(app, deps);
}

function registerStatusPut(app: Api, deps: ApiDeps): void {
  const { store, clock } = deps;
  app.route({
    method: 'PUT',
    url: `${PIPELINES_BASE}/:fqn/pipelineStatus`,
    config: { operation: 'statuses.write' },
    schema: {
      tags,
      summary: 'Report the state of a run; the whole document replaces the one that stands',
      description:
        'The first terminal state the workload reports is final. The exit step counts only where the workload left none.',
      params: fqnParamsSchema,
      body: statusSchema,
      response: { 200: statusSchema, ...failures },
    },
    handler: async (request) => {
      const principal = principalOf(request);
      const pipeline = await entityByEither(store, KIND, request.params.fqn);
      const { runId } = request.body;
      await requireOwn(store, principal, { pipeline, runId });
      const run = await runOf(store, pipeline, runId);
      const voice = voiceOf(principal.role);
      const now = clock.now();
      const write = voice === 'main' ? statusByMain : statusByExitStep;
      const row = await store.statuses.update(pipeline.fqn, runId, (before) =>
        write(before, withoutNulls(request.body), run?.record, now),
      );
      const said = workloadStatusOf(request.body, voice);
      if (run !== undefined && said !== undefined) {
        const record = voice === 'main' ? recordByMain : recordByExitStep;
        await store.runs.update(runId, (current) => record(current.record, said, now));
      }
      return (row?.status ?? request.body) as z.infer<typeof statusSchema>;
    },
  });
}

/** A status may be of a run that this store never had (a workload of an older store); it may not be of another pipeline's. */
async function runOf(store: Store, pipeline: Entity, runId: string): Promise<RunRow | undefined> {
  const run = await store.runs.get(runId);
  if (run === undefined || run.entityId === '' || run.entityId === pipeline.id) return run;
  throw new RunnerError('forbidden', 'this run belongs to another pipeline');
}

type Status = z.infer<typeof statusSchema>;

function withoutNulls(status: Status): Status {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== null)) as Status;
}

function registerStatusReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/:fqn/pipelineStatus`,
    config: { operation: 'statuses.read' },
    schema: {
      tags,
      summary: 'States of the latest runs, newest first',
      params: fqnParamsSchema,
      querystring: rangeSchema,
      response: {
        200: z.object({ data: z.array(jsonObjectSchema), paging: z.object({ total: z.number().int() }) }),
        ...failures,
      },
    },
    handler: async (request) => {
      const pipeline = await entityByEither(store, KIND, request.params.fqn);
      await requireOwn(store, principalOf(request), { pipeline });
      const { startTs, endTs, limit } = request.query;
      const ranged = startTs !== undefined || endTs !== undefined;
      const rows = await store.statuses.list(pipeline.fqn, {
        limit: limit ?? (ranged ? 1000 : 5),
        ...(startTs === undefined ? {} : { startTs }),
        ...(endTs === undefined ? {} : { endTs }),
      });
      const data = await Promise.all(rows.map((row) => shown(store, row)));
      return { data, paging: { total: data.length } };
    },
  });
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/:fqn/pipelineStatus/:runId`,
    config: { operation: 'statuses.read' },
    schema: {
      tags,
      summary: 'State of one run; 204 when there is none yet',
      params: runParamsSchema,
      response: { 200: jsonObjectSchema, 204: emptySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { fqn, runId } = request.params;
      const pipeline = await entityByEither(store, KIND, fqn);
      await requireOwn(store, principalOf(request), { pipeline, runId });
      const row = await store.statuses.get(pipeline.fqn, runId);
      // What stands before the workload has spoken is ours; its library takes "none yet" for a fresh run.
      const fresh = row === undefined || (row.writtenBy === 'controlPlane' && principalOf(request).role === 'run');
      return fresh && !isTerminalPipelineState(row?.status['pipelineState'])
        ? reply.code(204).send(null)
        : shown(store, row as StatusRow);
    },
  });
}

/** The stored status; while it says that the run is under way, the run itself knows better how far. */
async function shown(store: Store, row: StatusRow): Promise<JsonObject> {
  if (isTerminalPipelineState(row.status['pipelineState'])) return row.status;
  const run = await store.runs.get(row.runId);
  if (run === undefined || isClosed(run.record)) return row.status;
  const state = pipelineStateOf(run.record);
  return row.status['pipelineState'] === 'queued' ? { ...row.status, pipelineState: state } : row.status;
}

function registerStatusDeletion(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'DELETE',
    url: `${PIPELINES_BASE}/:id/pipelineStatus`,
    config: { operation: 'statuses.delete' },
    schema: {
      tags,
      summary: 'Forget the states of all runs',
      params: idParamsSchema,
      response: { 200: z.object({ deleted: z.number().int() }), ...failures },
    },
    handler: async (request) => {
      const pipeline = await entityById(store, KIND, request.params.id);
      return { deleted: await store.statuses.remove(pipeline.fqn) };
    },
  });
  app.route({
    method: 'DELETE',
    url: `${PIPELINES_BASE}/:id/pipelineStatus/:runId`,
    config: { operation: 'statuses.delete' },
    schema: {
      tags,
      summary: 'Forget the state of one run',
      params: idParamsSchema.extend({ runId: runIdSchema }),
      response: { 204: emptySchema, ...failures },
    },
    handler: async (request, reply) => {
      const pipeline = await entityById(store, KIND, request.params.id);
      const gone = await store.statuses.remove(pipeline.fqn, request.params.runId);
      if (gone === 0) throw new RunnerError('not_found', 'there is no state of this run');
      return reply.code(204).send(null);
    },
  });
}
