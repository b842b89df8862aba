import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { checkConnection, connectionConfigOf, connectionRefused } from '../../openmetadata/connection-check.ts';
import { isObject, stringOf, without } from '../../openmetadata/json.ts';
import { keepMasked, maskConnection } from '../../openmetadata/masking.ts';
import { secretsManagerOf } from '../../openmetadata/runner-choice.ts';
import { SERVICE_KINDS, servicePath } from '../../openmetadata/service-kinds.ts';
import type { ServiceKind } from '../../openmetadata/service-kinds.ts';
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
  ownFields,
  presented,
} from '../entities.ts';
import { applyPatch, patchSchema } from '../json-patch.ts';
import { refuseWorkload, requireOwn } from '../run-scope.ts';
import { withRunner } from '../runner-field.ts';
import {
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

const createServiceSchema = z.looseObject({
  name: entityNameSchema,
  serviceType: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/, 'must be a service type such as Postgres')
    .describe('such as Postgres'),
  displayName: z.string().max(256).nullish(),
  description: z.string().max(100_000).nullish(),
  connection: z
    .looseObject({ config: jsonObjectSchema.nullish() })
    .nullish()
    .describe('password fields hold secret references (secret:<id>); a value of only asterisks keeps the stored one'),
  ingestionRunner: entityReferenceSchema.nullish().describe('by id or name; without one the default runner'),
});

/** Services of every kind, with OpenMetadata's paths. */
export function registerServices(app: Api, deps: ApiDeps): void {
  for (const kind of SERVICE_KINDS) registerKind(app, deps, kind);
}

function registerKind(app: Api, deps: ApiDeps, kind: ServiceKind): void {
  const { store, random } = deps;
  const base = `/api/v1${servicePath(kind)}`;
  const tags = [`${kind}s`];
  const show = (entity: Entity, raw = false): ShownEntity => presentService(deps, entity, raw);
  const create = async (body: CreateService, updatedBy: string): Promise<Entity> => {
    const json = await checkedService(deps, body, undefined);
    const { name } = body;
    return store.entities.create({ id: random.uuid(), kind, name, fqn: fqnPart(name), updatedBy, json });
  };

  app.route({
    method: 'POST',
    url: base,
    config: { operation: 'services.write' },
    schema: { tags, summary: 'Create', body: createServiceSchema, response: { 201: entitySchema, ...failures } },
    handler: async (request, reply) => {
      const entity = await create(request.body, principalOf(request).subject);
      return reply.code(201).send(show(entity));
    },
  });
  app.route({
    method: 'PUT',
    url: base,
    config: { operation: 'services.write' },
    schema: {
      tags,
      summary: 'Create, or update the one with this name',
      body: createServiceSchema,
      response: { 200: entitySchema, 201: entitySchema, ...failures },
    },
    handler: async (request, reply) => {
      const { subject } = principalOf(request);
      const { body } = request;
      const { entity, status } = await createOrUpdate(store, kind, fqnPart(body.name), {
        create: () => create(body, subject),
        update: (standing) => changeEntity(store, standing, subject, (current) => checkedService(deps, body, current)),
      });
      return reply.code(status).send(show(entity));
    },
  });
  app.route({
    method: 'GET',
    url: base,
    config: { operation: 'services.read' },
    schema: {
      tags,
      summary: 'List',
      querystring: pagingQuerySchema,
      response: { 200: listSchema(entitySchema), ...failures },
    },
    handler: async (request) => {
      refuseWorkload(principalOf(request));
      const { limit, after, before } = request.query;
      const page = await store.entities.list({
        kind,
        limit,
        ...(after === undefined ? {} : { after }),
        ...(before === undefined ? {} : { before }),
      });
      return listed(page, (entity) => show(entity));
    },
  });

  const read = async (request: Parameters<typeof principalOf>[0], service: Entity): Promise<ShownEntity> => {
    const principal = principalOf(request);
    await requireOwn(store, principal, { service });
    // The workload is the one reader that has to use what stands there.
    return show(service, principal.role === 'run');
  };
  app.route({
    method: 'GET',
    url: `${base}/:id`,
    config: { operation: 'services.read' },
    schema: { tags, summary: 'Read by id', params: idParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => read(request, await entityById(store, kind, request.params.id)),
  });
  app.route({
    method: 'GET',
    url: `${base}/name/:fqn`,
    config: { operation: 'services.read' },
    schema: { tags, summary: 'Read by name', params: fqnParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => read(request, await entityByFqn(store, kind, request.params.fqn)),
  });
  app.route({
    method: 'PATCH',
    url: `${base}/:id`,
    config: { operation: 'services.write' },
    schema: {
      tags,
      summary: 'Change by JSON Patch',
      params: idParamsSchema,
      body: patchSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const entity = await entityById(store, kind, request.params.id);
      const changed = await changeEntity(store, entity, principalOf(request).subject, (current) => {
        const patched = createServiceSchema.safeParse(applyPatch(show(current), request.body));
        if (!patched.success) throw new RunnerError('patch_invalid', 'the patched service would not be one');
        if (patched.data.name !== current.name) throw new RunnerError('patch_invalid', 'a service cannot be renamed');
        return checkedService(deps, patched.data, current, true);
      });
      return show(changed);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${base}/:id`,
    config: { operation: 'services.write' },
    schema: {
      tags,
      summary: 'Delete; its ingestion pipelines have to be deleted first',
      params: idParamsSchema,
      querystring: z.object({
        hardDelete: z.stringbool().optional().describe('accepted and ignored: deleting is always for good'),
        recursive: z.stringbool().optional().describe('accepted and ignored'),
      }),
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const entity = await entityById(store, kind, request.params.id);
      const pipelines = await store.entities.list({
        kind: 'ingestionPipeline',
        limit: 0,
        where: { 'service.id': entity.id },
      });
      if (pipelines.total > 0) {
        throw new RunnerError('not_empty', `the service still has ${pipelines.total} ingestion pipeline(s)`, {
          hint: 'delete its ingestion pipelines first',
        });
      }
      await store.entities.remove(kind, entity.id);
      return { ...show(entity), deleted: true };
    },
  });
}

type CreateService = z.infer<typeof createServiceSchema>;

/**
 * The document to store: masked values replaced by what they stand for, the runner looked up, and nothing in plain text
 * that would have to travel to a hybrid runner. Fields that an update leaves out stay as they are.
 * @param whole the body is the whole document (a patched one): what it leaves out is gone
 */
async function checkedService(
  deps: ApiDeps,
  body: CreateService,
  stored: Entity | undefined,
  whole = false,
): Promise<JsonObject> {
  const fields = without(ownFields(body), 'name');
  if (stored !== undefined && stored.json['serviceType'] !== body.serviceType) {
    throw new RunnerError('conflict', 'the type of a service cannot be changed', { hint: 'make another service' });
  }
  const merged: JsonObject = { ...(whole ? {} : stored?.json), ...fields };
  const at = '/connection/config';
  const config = keepMasked(connectionConfigOf(merged), connectionConfigOf(stored?.json ?? {}), at);
  const connected = isObject(merged['connection'])
    ? { ...merged, connection: { ...merged['connection'], config } }
    : merged;
  const { json, runner } = await withRunner(deps.store, connected, stored?.json);
  if (runner?.kind === 'hybrid' && isObject(config)) {
    const secretsManager = secretsManagerOf(runner);
    const mode = deps.config.plaintextSecrets;
    const { refused, warnings } = checkConnection({ config, type: body.serviceType, at, secretsManager, mode });
    if (refused.length > 0) throw connectionRefused(refused);
    if (warnings.length > 0)
      deps.logger.warn('a service looks as if it held credentials', { name: body.name, warnings });
  }
  return json;
}

function presentService({ config }: Pick<ApiDeps, 'config'>, entity: Entity, raw: boolean): ShownEntity {
  const href = `${config.publicUrl}/api/v1${servicePath(entity.kind as ServiceKind)}/${entity.id}`;
  const document = presented(entity, href);
  const { connection } = document;
  if (raw || !isObject(connection)) return document;
  const masked = maskConnection(connection['config'], stringOf(entity.json['serviceType']) ?? '');
  return { ...document, connection: { ...connection, ...(masked === undefined ? {} : { config: masked }) } };
}
