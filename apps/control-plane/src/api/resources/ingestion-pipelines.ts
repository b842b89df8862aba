import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { deleteEntity } from '../../openmetadata/deletion.ts';
import { PIPELINE_TYPES } from '../../openmetadata/workflow-config.ts';
import type { Entity, JsonObject } from '../../store/ports.ts';
import { principalOf, requireAdmin } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { changeEntity, createOrUpdate, entityByFqn, entityById, listed, pageOf, presented } from '../entities.ts';
import { applyPatch, patchSchema } from '../json-patch.ts';
import { checkedPipeline, createPipelineSchema, maskedPipeline } from '../pipeline-document.ts';
import { refuseWorkload, requireOwn } from '../run-scope.ts';
import { entitySchema, failures, fqnParamsSchema, idParamsSchema, listSchema, pagingQuerySchema } from '../schemas.ts';
import type { ShownEntity } from '../schemas.ts';

const KIND = 'ingestionPipeline';
export const PIPELINES_BASE = '/api/v1/services/ingestionPipelines';
const tags = ['ingestionPipelines'];

/** A pipeline as the API shows it. */
export function presentPipeline({ config }: Pick<ApiDeps, 'config'>, entity: Entity): ShownEntity {
  return maskedPipeline(presented(entity, `${config.publicUrl}${PIPELINES_BASE}/${entity.id}`));
}

const listQuerySchema = pagingQuerySchema.extend({
  service: z.string().max(3072).optional().describe('FQN of a service'),
  pipelineType: z.enum(PIPELINE_TYPES).optional(),
});

const deleteQuerySchema = z.object({
  hardDelete: z.stringbool().default(false).describe('deleting is always for good'),
  force: z
    .stringbool()
    .default(false)
    .describe('with hardDelete, administrators only: open runs are given up instead of waited for'),
});

export function registerPipelines(app: Api, deps: ApiDeps): void {
  registerPipelineWrites(app, deps);
  registerPipelineReads(app, deps);
  registerPipelineDeletion(app, deps);
}

function registerPipelineWrites(app: Api, deps: ApiDeps): void {
  const { store, random } = deps;
  const create = async (body: z.infer<typeof createPipelineSchema>, updatedBy: string): Promise<Entity> => {
    const { json, fqn } = await checkedPipeline(deps, body, undefined);
    const made = { deployed: false, ...json };
    return store.entities.create({ id: random.uuid(), kind: KIND, name: body.name, fqn, updatedBy, json: made });
  };

  app.route({
    method: 'POST',
    url: PIPELINES_BASE,
    config: { operation: 'pipelines.write' },
    schema: { tags, summary: 'Create', body: createPipelineSchema, response: { 201: entitySchema, ...failures } },
    handler: async (request, reply) =>
      reply.code(201).send(presentPipeline(deps, await create(request.body, principalOf(request).subject))),
  });
  app.route({
    method: 'PUT',
    url: PIPELINES_BASE,
    config: { operation: 'pipelines.write' },
    schema: {
      tags,
      summary: 'Create, or update the one with this name of this service',
      body: createPipelineSchema,
      response: { 200: entitySchema, 201: entitySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { subject } = principalOf(request);
      const { fqn } = await checkedPipeline(deps, withoutMasks(request.body), undefined);
      const next = async (current: Entity): Promise<JsonObject> =>
        (await checkedPipeline(deps, request.body, current)).json;
      const { entity, status } = await createOrUpdate(store, KIND, fqn, {
        create: () => create(request.body, subject),
        update: (standing) => changeEntity(store, standing, subject, next),
      });
      return reply.code(status).send(presentPipeline(deps, entity));
    },
  });
  app.route({
    method: 'PATCH',
    url: `${PIPELINES_BASE}/:id`,
    config: { operation: 'pipelines.write' },
    schema: {
      tags,
      summary: 'Change by JSON Patch',
      params: idParamsSchema,
      body: patchSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const entity = await entityById(store, KIND, request.params.id);
      const changed = await changeEntity(store, entity, principalOf(request).subject, async (current) => {
        const patched = createPipelineSchema.safeParse(applyPatch(presentPipeline(deps, current), request.body));
        if (!patched.success) throw new RunnerError('patch_invalid', 'the patched pipeline would not be one');
        if (patched.data.name !== current.name) throw new RunnerError('patch_invalid', 'a pipeline cannot be renamed');
        return (await checkedPipeline(deps, patched.data, current, true)).json;
      });
      return presentPipeline(deps, changed);
    },
  });
}

/** To find out where a pipeline belongs; what its masked values mean is only known once it was found. */
function withoutMasks(body: z.infer<typeof createPipelineSchema>): z.infer<typeof createPipelineSchema> {
  return { ...body, sourceConfig: {}, openMetadataServerConnection: null };
}

function registerPipelineReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: PIPELINES_BASE,
    config: { operation: 'pipelines.read' },
    schema: {
      tags,
      summary: 'List',
      querystring: listQuerySchema,
      response: { 200: listSchema(entitySchema), ...failures },
    },
    handler: async (request) => {
      refuseWorkload(principalOf(request));
      const { service, pipelineType } = request.query;
      const where = {
        ...(service === undefined ? {} : { 'service.fullyQualifiedName': service }),
        ...(pipelineType === undefined ? {} : { pipelineType }),
      };
      const page = await store.entities.list({ kind: KIND, where, ...pageOf(request.query) });
      return listed(page, (entity) => presentPipeline(deps, entity));
    },
  });
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/:id`,
    config: { operation: 'pipelines.read' },
    schema: { tags, summary: 'Read by id', params: idParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => {
      const pipeline = await entityById(store, KIND, request.params.id);
      await requireOwn(store, principalOf(request), { pipeline });
      return presentPipeline(deps, pipeline);
    },
  });
  app.route({
    method: 'GET',
    url: `${PIPELINES_BASE}/name/:fqn`,
    config: { operation: 'pipelines.read' },
    schema: { tags, summary: 'Read by FQN', params: fqnParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => {
      const pipeline = await entityByFqn(store, KIND, request.params.fqn);
      await requireOwn(store, principalOf(request), { pipeline });
      return presentPipeline(deps, pipeline);
    },
  });
}

function registerPipelineDeletion(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'DELETE',
    url: `${PIPELINES_BASE}/:id`,
    config: { operation: 'pipelines.write' },
    schema: {
      tags,
      summary: 'Delete with its runs and logs; open runs are cancelled first, and it goes when they have ended',
      params: idParamsSchema,
      querystring: deleteQuerySchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { force, hardDelete } = request.query;
      if (force && !hardDelete) throw new RunnerError('invalid_request', 'force needs hardDelete=true');
      if (force) requireAdmin(request, 'delete by force');
      const entity = await entityById(store, KIND, request.params.id);
      const { subject } = principalOf(request);
      const { marked, killed } = await deleteEntity(deps, entity, subject, { force });
      if (force && killed.length > 0) void reply.header('x-openmetadata-runner-cleanup', 'skipped-unavailable');
      return presentPipeline(deps, marked);
    },
  });
}
