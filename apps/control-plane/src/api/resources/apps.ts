import { z } from 'zod';
import { deleteEntity } from '../../openmetadata/deletion.ts';
import { UNDESCRIBED, requireUsable, travelling } from '../../openmetadata/connection-check.ts';
import { without } from '../../openmetadata/json.ts';
import { keepMasked, maskConnection } from '../../openmetadata/masking.ts';
import { secretsManagerOf } from '../../openmetadata/runner-choice.ts';
import type { Entity, JsonObject } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import {
  changeEntity,
  createOrUpdate,
  entityByFqn,
  entityById,
  fqnPart,
  listed,
  pageOf,
  ownFields,
  presented,
} from '../entities.ts';
import { refuseWorkload, requireOwn } from '../run-scope.ts';
import { withRunner } from '../runner-field.ts';
import {
  clientResponseSchema,
  entityNameSchema,
  entityReferenceSchema,
  entitySchema,
  failures,
  fqnParamsSchema,
  idParamsSchema,
  jsonObjectSchema,
  listSchema,
  pagingQuerySchema,
} from '../schemas.ts';
import type { ShownEntity } from '../schemas.ts';
import { triggered } from './pipeline-actions.ts';

const KIND = 'app';
const BASE = '/api/v1/apps';
const tags = ['apps'];
const nameParams = z.object({ name: z.string().min(1).max(256) });

const createSchema = z.looseObject({
  name: entityNameSchema,
  displayName: z.string().max(256).nullish(),
  description: z.string().max(100_000).nullish(),
  sourcePythonClass: z.string().max(512).nullish(),
  appConfiguration: jsonObjectSchema.nullish(),
  pipelines: z.array(entityReferenceSchema).max(10).nullish().describe('the first one is what a trigger runs'),
  ingestionRunner: entityReferenceSchema.nullish(),
});

/** Applications: through their ingestion pipeline, or by themselves. */
export function registerApps(app: Api, deps: ApiDeps): void {
  registerWrites(app, deps);
  registerReads(app, deps);
  registerTrigger(app, deps);
}

function registerWrites(app: Api, deps: ApiDeps): void {
  const { store, random } = deps;
  const create = async (body: z.infer<typeof createSchema>, updatedBy: string): Promise<Entity> => {
    const json = await checkedApp(deps, body, undefined);
    const { name } = body;
    return store.entities.create({ id: random.uuid(), kind: KIND, name, fqn: fqnPart(name), updatedBy, json });
  };
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'apps.write' },
    schema: { tags, summary: 'Install', body: createSchema, response: { 201: entitySchema, ...failures } },
    handler: async (request, reply) =>
      reply.code(201).send(present(deps, await create(request.body, principalOf(request).subject))),
  });
  app.route({
    method: 'PUT',
    url: BASE,
    config: { operation: 'apps.write' },
    schema: {
      tags,
      summary: 'Install, or change the one with this name',
      body: createSchema,
      response: { 200: entitySchema, 201: entitySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { subject } = principalOf(request);
      const next = (current: Entity): Promise<JsonObject> => checkedApp(deps, request.body, current);
      const { entity, status } = await createOrUpdate(store, KIND, fqnPart(request.body.name), {
        create: () => create(request.body, subject),
        update: (standing) => changeEntity(store, standing, subject, next),
      });
      return reply.code(status).send(present(deps, entity));
    },
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'apps.write' },
    schema: {
      tags,
      summary: 'Uninstall; an open run is cancelled first',
      params: idParamsSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const { subject } = principalOf(request);
      const { marked } = await deleteEntity(deps, { kind: KIND, id: request.params.id }, subject);
      return present(deps, marked);
    },
  });
}

function registerReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'apps.read' },
    schema: {
      tags,
      summary: 'List',
      querystring: pagingQuerySchema,
      response: { 200: listSchema(entitySchema), ...failures },
    },
    handler: async (request) => {
      refuseWorkload(principalOf(request));
      const page = await store.entities.list({ kind: KIND, ...pageOf(request.query) });
      return listed(page, (entity) => present(deps, entity));
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'apps.read' },
    schema: { tags, summary: 'Read by id', params: idParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => {
      const entity = await entityById(store, KIND, request.params.id);
      await requireOwn(store, principalOf(request), { app: entity });
      return present(deps, entity);
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/name/:fqn`,
    config: { operation: 'apps.read' },
    schema: { tags, summary: 'Read by name', params: fqnParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => {
      const entity = await entityByFqn(store, KIND, request.params.fqn);
      await requireOwn(store, principalOf(request), { app: entity });
      return present(deps, entity);
    },
  });
}

function registerTrigger(app: Api, deps: ApiDeps): void {
  const { store, trigger } = deps;
  app.route({
    method: 'POST',
    url: `${BASE}/trigger/:name`,
    config: { operation: 'apps.run' },
    schema: {
      tags,
      summary: 'Run it now',
      params: nameParams,
      body: jsonObjectSchema.nullish().describe('merged over its configuration for this run'),
      response: { 200: clientResponseSchema, ...failures },
    },
    handler: async (request) => {
      const entity = await entityByFqn(store, KIND, fqnPart(request.params.name));
      const row = await trigger.triggerApp(entity.id, {
        trigger: 'manual',
        createdBy: principalOf(request).subject,
        traceparent: request.headers['traceparent'],
        ...(request.body === null || request.body === undefined ? {} : { configOverride: request.body }),
      });
      return triggered(row.record.runId, row.record.agentId);
    },
  });
}

async function checkedApp(
  deps: ApiDeps,
  body: z.infer<typeof createSchema>,
  stored: Entity | undefined,
): Promise<JsonObject> {
  const fields = without(ownFields(body), 'name');
  const merged: JsonObject = { ...stored?.json, ...fields };
  const at = '/appConfiguration';
  const appConfiguration = keepMasked(merged['appConfiguration'], stored?.json['appConfiguration'], at);
  const { json, runner } = await withRunner(deps.store, merged, stored?.json);
  const document = { ...json, ...(appConfiguration === undefined ? {} : { appConfiguration }) };
  if (runner?.kind === 'hybrid') {
    const check = {
      config: travelling(document),
      type: UNDESCRIBED,
      at: '',
      secretsManager: secretsManagerOf(runner),
      mode: deps.config.plaintextSecrets,
    };
    requireUsable(check, deps.logger);
  }
  return document;
}

function present({ config }: Pick<ApiDeps, 'config'>, entity: Entity): ShownEntity {
  const document = presented(entity, `${config.publicUrl}${BASE}/${entity.id}`);
  const { appConfiguration } = document;
  if (appConfiguration === undefined) return document;
  return { ...document, appConfiguration: maskConnection(appConfiguration, UNDESCRIBED) };
}
