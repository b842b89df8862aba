import { isClosed } from '@runner/protocol/server';
import { z } from 'zod';
import { pipelineStateOf, taskKeyOf } from '../../openmetadata/states.ts';
import type { Entity, JsonObject, RunRow, Store } from '../../store/ports.ts';
import type { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { sendDownload } from '../download.ts';
import { entityByEither, missing } from '../entities.ts';
import { batchText, logBodySchema } from '../log-batch.ts';
import { parseLogCursor } from '../log-cursor.ts';
import { logEvents } from '../log-events.ts';
import { requireOwn } from '../run-scope.ts';
import { emptySchema, failures, fqnParamsSchema, runIdSchema } from '../schemas.ts';
import { sendEvents } from '../sse.ts';
import { PIPELINES_BASE } from './ingestion-pipelines.ts';

const KIND = 'ingestionPipeline';
const BASE = `${PIPELINES_BASE}/logs`;
const tags = ['logs'];

const runParams = fqnParamsSchema.extend({ runId: runIdSchema });
const pageQuery = z.object({
  after: z.string().max(64).optional().describe('`after` of the last answer; nothing for the first chunk'),
  limit: z
    .string()
    .max(16)
    .optional()
    .describe('accepted and ignored: an answer is one chunk of at most 983,040 bytes'),
});
const pageSchema = z
  .record(z.string(), z.string())
  .describe('{"<task key>": text, "total": number of chunks, "after": next chunk if there is one}, all strings');

export function registerPipelineLogs(app: Api, deps: ApiDeps): void {
  registerLogPosts(app, deps);
  registerLogReads(app, deps);
  registerLogStreams(app, deps);
}

function registerLogPosts(app: Api, deps: ApiDeps): void {
  const { store, config } = deps;
  const ownRun = async (request: {
    principal: ReturnType<typeof principalOf> | undefined;
    params: z.infer<typeof runParams>;
  }) => {
    const { fqn, runId } = request.params;
    const pipeline = await entityByEither(store, KIND, fqn);
    if (request.principal !== undefined) await requireOwn(store, request.principal, { pipeline, runId });
    return runOf(store, pipeline, runId);
  };
  app.route({
    method: 'POST',
    url: `${BASE}/:fqn/:runId`,
    // A batch of 500 long lines is more than any other request.
    bodyLimit: config.bodyLimitBytes * 4,
    config: { operation: 'logs.write', rawText: true },
    schema: {
      tags,
      summary: 'Ship lines of a log; it takes the place of the one that the runner reads once it is closed',
      params: runParams,
      body: logBodySchema,
      response: { 204: emptySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { record } = await ownRun(request);
      const text = batchText(request.body);
      if (text !== '') await store.logs.append(record.runId, 'posted', { text });
      return reply.code(204).send(null);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:fqn/:runId/close`,
    config: { operation: 'logs.write' },
    schema: {
      tags,
      summary: 'No more lines will be shipped',
      params: runParams,
      body: z.unknown().optional(),
      response: { 204: emptySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { record } = await ownRun(request);
      // A log that was closed without a line must not hide the one that the runner reads.
      const posted = await store.logs.state(record.runId, 'posted');
      if (posted !== undefined) await store.logs.close(record.runId, 'posted');
      return reply.code(204).send(null);
    },
  });
}

function registerLogReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: `${BASE}/:fqn/last`,
    config: { operation: 'logs.read' },
    schema: {
      tags,
      summary: 'A chunk of the newest run’s log',
      params: fqnParamsSchema,
      querystring: pageQuery,
      response: { 200: pageSchema, ...failures },
    },
    handler: async (request) => {
      const pipeline = await entityByEither(store, KIND, request.params.fqn);
      const [newest] = await store.runs.ofEntity(pipeline.id, 1);
      if (newest === undefined) return { logs: 'This pipeline has not run yet.', total: '0' };
      return logPage(store, pipeline, newest, request.query.after);
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:fqn/:runId`,
    config: { operation: 'logs.read' },
    schema: {
      tags,
      summary: 'A chunk of a run’s log',
      params: runParams,
      querystring: pageQuery,
      response: { 200: pageSchema, ...failures },
    },
    handler: async (request) => {
      const { fqn, runId } = request.params;
      const pipeline = await entityByEither(store, KIND, fqn);
      return logPage(store, pipeline, await runOf(store, pipeline, runId), request.query.after);
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:fqn`,
    config: { operation: 'logs.read' },
    schema: {
      tags,
      summary: 'Runs that have a log, newest first',
      params: fqnParamsSchema,
      querystring: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(10) }),
      response: { 200: z.object({ runs: z.array(z.string()) }), ...failures },
    },
    handler: async (request) => {
      const pipeline = await entityByEither(store, KIND, request.params.fqn);
      return { runs: [...(await store.logs.runsOf(pipeline.id, request.query.limit))] };
    },
  });
}

function registerLogStreams(app: Api, deps: ApiDeps): void {
  const { store, clock, logger, gateway } = deps;
  app.route({
    method: 'GET',
    url: `${BASE}/:fqn/last/download`,
    config: { operation: 'logs.read' },
    schema: {
      tags,
      summary: 'The newest run’s log as a file',
      params: fqnParamsSchema,
      response: { 200: z.string().describe('application/octet-stream'), ...failures },
    },
    handler: async (request, reply) => {
      const pipeline = await entityByEither(store, KIND, request.params.fqn);
      const [newest] = await store.runs.ofEntity(pipeline.id, 1);
      if (newest === undefined) throw missing('run of this pipeline', request.params.fqn);
      const { runId } = newest.record;
      return sendDownload(reply, `${runId}.log`, chunksOf(store, runId));
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:fqn/stream/:runId`,
    config: { operation: 'logs.read' },
    schema: {
      tags,
      summary: 'A log as server-sent events; resumes from `after` or Last-Event-ID',
      params: fqnParamsSchema.extend({ runId: z.union([runIdSchema, z.literal('last')]).describe('or last') }),
      querystring: z.object({ after: z.string().max(64).optional().describe('`after` of the last event') }),
      response: { 200: z.string().describe('text/event-stream of LogStreamEvent'), ...failures },
    },
    handler: async (request, reply) => {
      const { fqn, runId } = request.params;
      const pipeline = await entityByEither(store, KIND, fqn);
      const newest = runId === 'last' ? (await store.runs.ofEntity(pipeline.id, 1))[0] : undefined;
      const run = runId === 'last' ? newest : await runOf(store, pipeline, runId);
      if (run === undefined) throw missing('run of this pipeline', fqn);
      const resumed = request.headers['last-event-id'];
      const from = parseLogCursor(request.query.after ?? (typeof resumed === 'string' ? resumed : undefined));
      const onFailure = (): JsonObject => ({
        eventType: 'error',
        runId: run.record.runId,
        message: 'the stream was interrupted; come back with the last after',
      });
      return sendEvents(request, reply, { clock, logger, onFailure }, (signal) =>
        logEvents({ clock, logs: gateway.logs }, run.record.runId, from, signal),
      );
    },
  });
}

async function runOf(store: Store, pipeline: Entity, runId: string): Promise<RunRow> {
  const run = await store.runs.get(runId);
  if (run?.entityId !== pipeline.id) throw missing('run of this pipeline', runId);
  return run;
}

/** One chunk as OpenMetadata's UI pages logs; `after` is missing on the last one, which may still grow. */
async function logPage(
  store: Store,
  pipeline: Entity,
  run: RunRow,
  after: string | undefined,
): Promise<Record<string, string>> {
  const { index } = parseLogCursor(after);
  const { text, total, cut } = await store.logs.read(run.record.runId, index);
  const key = taskKeyOf(String(pipeline.json['pipelineType']));
  if (total === 0) return { logs: noLogText(run), total: '0' };
  const next = cut?.next ?? index + 1;
  return { [key]: text ?? '', total: String(total), ...(next < total ? { after: String(next) } : {}) };
}

function noLogText({ record }: RunRow): string {
  if (!isClosed(record)) return `There is no log yet: the run is ${pipelineStateOf(record)}.`;
  return `There is no log of this run. ${record.diagnosis?.message ?? ''}`.trim();
}

async function* chunksOf(store: Store, runId: string): AsyncIterable<string> {
  for (let index = 0; ;) {
    const { text, total, cut } = await store.logs.read(runId, index);
    if (text !== undefined && text !== '') yield text;
    index = cut?.next ?? index + 1;
    if (index >= total) return;
  }
}
