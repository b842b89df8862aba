import type { Clock } from '@runner/core';
import { isClosed } from '@runner/protocol/server';
import { z } from 'zod';
import { diagnosisReport } from '../../openmetadata/progress-diagnosis.ts';
import { SERVICE_KINDS } from '../../openmetadata/service-kinds.ts';
import type { Entity, RunRow } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { entityByEither, entityByFqn, missing } from '../entities.ts';
import { requireOwn } from '../run-scope.ts';
import { emptySchema, failures, fqnParamsSchema, jsonObjectSchema, runIdSchema } from '../schemas.ts';
import { sendEvents } from '../sse.ts';
import type { ServerEvent } from '../sse.ts';
import { PIPELINES_BASE } from './ingestion-pipelines.ts';

const KIND = 'ingestionPipeline';
const tags = ['progress'];
const POLL_MS = 1_000;
/** Readers of an idle pipeline are let go after this long; they come back by themselves. */
const LONGEST_STREAM_MS = 60 * 60_000;

const progressSchema = z
  .looseObject({
    runId: runIdSchema,
    timestamp: z.number(),
    updateType: z.enum(['DISCOVERY', 'PROCESSING', 'STEP_COMPLETE', 'PIPELINE_COMPLETE', 'ERROR']),
    stepName: z.string().max(1024).nullish(),
    progress: jsonObjectSchema.nullish(),
    currentEntity: z.string().max(4096).nullish(),
    message: z.string().max(16_384).nullish(),
  })
  .meta({ id: 'ProgressUpdate' });

/** How far a run is, as its workload tells it. */
export function registerProgress(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'PUT',
    url: `${PIPELINES_BASE}/progress/:fqn/:runId`,
    config: { operation: 'progress.write' },
    schema: {
      tags,
      summary: 'Report progress; only the newest report is kept',
      params: fqnParamsSchema.extend({ runId: runIdSchema }),
      body: progressSchema,
      response: { 204: emptySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { fqn, runId } = request.params;
      const pipeline = await entityByEither(store, KIND, fqn);
      await requireOwn(store, principalOf(request), { pipeline, runId });
      if ((await store.runs.get(runId))?.entityId !== pipeline.id) throw missing('run of this pipeline', runId);
      await store.progress.put(runId, request.body);
      return reply.code(204).send(null);
    },
  });
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/progress/:fqn/stream/:runId`,
    config: { operation: 'progress.read' },
    schema: {
      tags,
      summary: 'Progress of a run as server-sent events, until it has ended',
      params: fqnParamsSchema.extend({ runId: runIdSchema }),
      response: { 200: z.string().describe('text/event-stream of ProgressUpdate'), ...failures },
    },
    handler: async (request, reply) => {
      const { fqn, runId } = request.params;
      const pipeline = await entityByEither(store, KIND, fqn);
      if ((await store.runs.get(runId))?.entityId !== pipeline.id) throw missing('run of this pipeline', runId);
      return sendEvents(request, reply, streamOptions(deps), (signal) => progressOf(deps, runId, signal));
    },
  });
  registerServiceStreams(app, deps);
}

/** Streams of the newest runs: of a pipeline, and of all pipelines of a service. */
function registerServiceStreams(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/progress/:fqn/stream`,
    config: { operation: 'progress.read' },
    schema: {
      tags,
      summary: 'Progress of the newest runs of a pipeline as server-sent events',
      params: fqnParamsSchema,
      response: { 200: z.string().describe('text/event-stream of ProgressUpdate'), ...failures },
    },
    handler: async (request, reply) => {
      const pipeline = await entityByEither(store, KIND, request.params.fqn);
      const pipelines = (): Promise<readonly Entity[]> => Promise.resolve([pipeline]);
      return sendEvents(request, reply, streamOptions(deps), (signal) => progressOfAll(deps, pipelines, signal));
    },
  });
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/progress/service/:serviceType/:fqn/stream`,
    config: { operation: 'progress.read' },
    schema: {
      tags,
      summary: 'Progress of the newest runs of a service as server-sent events',
      params: fqnParamsSchema.extend({ serviceType: z.enum(SERVICE_KINDS) }),
      response: { 200: z.string().describe('text/event-stream of ProgressUpdate'), ...failures },
    },
    handler: async (request, reply) => {
      const { serviceType, fqn } = request.params;
      const service = await entityByFqn(store, serviceType, fqn);
      const pipelines = async (): Promise<readonly Entity[]> => {
        const page = await store.entities.list({ kind: KIND, limit: 100, where: { 'service.id': service.id } });
        return page.data;
      };
      return sendEvents(request, reply, streamOptions(deps), (signal) => progressOfAll(deps, pipelines, signal));
    },
  });
}

function streamOptions({ clock, logger }: ApiDeps) {
  return { clock, logger, onFailure: () => ({ updateType: 'ERROR', message: 'the stream was interrupted' }) };
}

async function* progressOf(deps: ApiDeps, runId: string, signal: AbortSignal): AsyncIterable<ServerEvent> {
  const { store, clock } = deps;
  const until = clock.monotonic() + LONGEST_STREAM_MS;
  const news = diagnosisNews(clock);
  let seen = 0;
  while (!signal.aborted && clock.monotonic() < until) {
    // The state first: a report that came before the end is then still read after it.
    const run = await store.runs.get(runId);
    const row = await store.progress.get(runId);
    if (row !== undefined && row.sequence !== seen) {
      seen = row.sequence;
      yield { id: String(seen), data: row.update };
    }
    yield* news(run);
    if (run === undefined || isClosed(run.record)) return;
    await clock.sleep(POLL_MS, signal);
  }
}

async function* progressOfAll(
  deps: ApiDeps,
  pipelines: () => Promise<readonly Entity[]>,
  signal: AbortSignal,
): AsyncIterable<ServerEvent> {
  const { store, clock } = deps;
  const until = clock.monotonic() + LONGEST_STREAM_MS;
  const seen = new Map<string, number>();
  const news = diagnosisNews(clock);
  while (!signal.aborted && clock.monotonic() < until) {
    for (const pipeline of await pipelines()) {
      const [newest] = await store.runs.ofEntity(pipeline.id, 1);
      const row = newest === undefined ? undefined : await store.progress.get(newest.record.runId);
      if (row !== undefined && seen.get(pipeline.id) !== row.updatedAt + row.sequence) {
        seen.set(pipeline.id, row.updatedAt + row.sequence);
        yield { data: row.update };
      }
      yield* news(newest);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Tells each diagnosis of a run once, and once more when the run has ended with it. */
function diagnosisNews(clock: Clock): (run: RunRow | undefined) => Iterable<ServerEvent> {
  const told = new Map<string, string>();
  return function* (run) {
    const report = run === undefined ? undefined : diagnosisReport(run.record, clock.now());
    if (run === undefined || report === undefined) return;
    const said = JSON.stringify([report['updateType'], report['diagnosis']]);
    if (told.get(run.entityId) === said) return;
    told.set(run.entityId, said);
    yield { data: report };
  };
}
