import { isRunnerError, toRunnerError } from '@runner/core';
import { z } from 'zod';
import type { Entity } from '../../store/ports.ts';
import { principalOf, requireAdmin } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { STATUS_OF } from '../errors.ts';
import { entityById } from '../entities.ts';
import {
  clientResponseSchema,
  emptySchema,
  entitySchema,
  failures,
  idParamsSchema,
  jsonObjectSchema,
} from '../schemas.ts';
import type { ClientResponse } from '../schemas.ts';
import { PIPELINES_BASE, presentPipeline } from './ingestion-pipelines.ts';

const KIND = 'ingestionPipeline';
export const PLATFORM = 'HybridRunner';
const tags = ['ingestionPipelines'];

const killQuerySchema = z.object({
  force: z.stringbool().default(false).describe('administrators only: close open runs as failed (abandoned) at once'),
});

export function registerPipelineActions(app: Api, deps: ApiDeps): void {
  registerClientStatus(app, deps);
  registerDeploy(app, deps);
  registerTrigger(app, deps);
}

/** What OpenMetadata's UI asks of its pipeline service client. */
function registerClientStatus(app: Api, { config, store }: ApiDeps): void {
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/status`,
    config: { operation: 'pipelines.read' },
    schema: { tags, summary: 'Whether pipelines can be run', response: { 200: clientResponseSchema, ...failures } },
    handler: async () => {
      await store.ping();
      const version = config.openMetadataVersion;
      return { code: 200, platform: PLATFORM, ...(version === undefined ? {} : { version }) };
    },
  });
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/ip`,
    config: { operation: 'pipelines.read' },
    schema: {
      tags,
      summary: 'Address of the workloads: not known here, they run in networks of their own',
      response: { 204: emptySchema, ...failures },
    },
    handler: async (_request, reply) => reply.code(204).send(null),
  });
}

function registerDeploy(app: Api, deps: ApiDeps): void {
  const { store, trigger } = deps;
  const deploy = async (id: string, updatedBy: string): Promise<ClientResponse> => {
    await trigger.checkPipeline(id);
    await store.entities.update(KIND, id, ({ json }) => ({ json: { ...json, deployed: true }, updatedBy }));
    return { code: 200, platform: PLATFORM, reason: 'the pipeline is deployed; its schedule is in force' };
  };

  app.route({
    method: 'POST',
    url: `${PIPELINES_BASE}/deploy/:id`,
    config: { operation: 'pipelines.run' },
    schema: {
      tags,
      summary: 'Check that it can run and put its schedule in force',
      params: idParamsSchema,
      response: { 200: clientResponseSchema, ...failures },
    },
    handler: (request) => deploy(request.params.id, principalOf(request).subject),
  });
  app.route({
    method: 'POST',
    url: `${PIPELINES_BASE}/bulk/deploy`,
    config: { operation: 'pipelines.run' },
    schema: {
      tags,
      summary: 'Deploy many; each is answered for itself',
      body: z.array(z.uuid()).max(1000),
      response: { 200: z.array(clientResponseSchema), ...failures },
    },
    handler: async (request) => {
      const answers: ClientResponse[] = [];
      for (const id of request.body) {
        answers.push(await deploy(id, principalOf(request).subject).catch((error: unknown) => refusal(error)));
      }
      return answers;
    },
  });
  app.route({
    method: 'POST',
    url: `${PIPELINES_BASE}/toggleIngestion/:id`,
    config: { operation: 'pipelines.run' },
    schema: {
      tags,
      summary: 'Switch the schedule off, or on again',
      params: idParamsSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const { subject } = principalOf(request);
      const toggled = await store.entities.update(KIND, request.params.id, ({ json }) => ({
        json: { ...json, enabled: json['enabled'] === false },
        updatedBy: subject,
      }));
      return presentPipeline(deps, toggled);
    },
  });
}

function registerTrigger(app: Api, deps: ApiDeps): void {
  const { store, trigger } = deps;
  app.route({
    method: 'POST',
    url: `${PIPELINES_BASE}/trigger/:id`,
    config: { operation: 'pipelines.run' },
    schema: {
      tags,
      summary: 'Run now',
      params: idParamsSchema,
      body: jsonObjectSchema.nullish().describe('applications: merged over appConfig'),
      response: { 200: clientResponseSchema, ...failures },
    },
    handler: async (request) => {
      const row = await trigger.triggerPipeline(request.params.id, {
        trigger: 'manual',
        createdBy: principalOf(request).subject,
        traceparent: request.headers['traceparent'],
        ...(request.body === null || request.body === undefined ? {} : { configOverride: request.body }),
      });
      return triggered(row.record.runId, row.record.agentId);
    },
  });
  app.route({
    method: 'POST',
    url: `${PIPELINES_BASE}/kill/:id`,
    config: { operation: 'pipelines.run' },
    schema: {
      tags,
      summary: 'End the open runs of this pipeline; killing again changes nothing',
      params: idParamsSchema,
      querystring: killQuerySchema,
      response: { 200: clientResponseSchema, ...failures },
    },
    handler: async (request) => {
      const { force } = request.query;
      if (force) requireAdmin(request, 'kill by force');
      const pipeline: Entity = await entityById(store, KIND, request.params.id);
      const [runId, ...others] = await trigger.kill(pipeline.id, { force });
      if (runId === undefined) return { code: 200, platform: PLATFORM, reason: 'no run of this pipeline is open' };
      const count = others.length + 1;
      return { code: 200, platform: PLATFORM, reason: `${count} run(s) are being ended`, runId };
    },
  });
}

/** What a trigger answers; the run id lets a server store `queued` at once. */
export function triggered(runId: string, agentId: string): ClientResponse {
  return { code: 200, platform: PLATFORM, reason: `the run is queued for the ingestion runner ${agentId}`, runId };
}

function refusal(error: unknown): ClientResponse {
  const { code, message } = toRunnerError(error);
  if (!isRunnerError(error) || !STATUS_OF.has(code)) throw error;
  return { code: STATUS_OF.get(code) ?? 500, platform: PLATFORM, reason: `${code}: ${message}` };
}
