import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { SERVICE_KINDS, servicePath } from '../../openmetadata/service-kinds.ts';
import type { ServiceKind } from '../../openmetadata/service-kinds.ts';
import type { Entity } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { changeEntity, createOrUpdate, entityByFqn, entityById, fqnPart, listed, pageOf } from '../entities.ts';
import { applyPatch, patchSchema } from '../json-patch.ts';
import { refuseWorkload, requireOwn } from '../run-scope.ts';
import { entitySchema, failures, fqnParamsSchema, idParamsSchema, listSchema, pagingQuerySchema } from '../schemas.ts';
import type { ShownEntity } from '../schemas.ts';
import { checkedService, createServiceSchema, presentService, presentWritten } from '../service-document.ts';
import type { CreateService } from '../service-document.ts';

/** One of the eleven kinds, and where it is. */
interface Place {
  readonly kind: ServiceKind;
  readonly base: string;
  readonly tags: readonly string[];
}

/** Services of every kind, with OpenMetadata's paths. */
export function registerServices(app: Api, deps: ApiDeps): void {
  for (const kind of SERVICE_KINDS) {
    const place: Place = { kind, base: `/api/v1${servicePath(kind)}`, tags: [`${kind}s`] };
    registerCreation(app, deps, place);
    registerPatch(app, deps, place);
    registerReads(app, deps, place);
    registerDeletion(app, deps, place);
  }
}

function registerCreation(app: Api, deps: ApiDeps, { kind, base, tags }: Place): void {
  const { store, random } = deps;
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
      return reply.code(201).send(await presentWritten(deps, entity));
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
      return reply.code(status).send(await presentWritten(deps, entity));
    },
  });
}

function registerPatch(app: Api, deps: ApiDeps, { kind, base, tags }: Place): void {
  const { store } = deps;
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
        const patched = createServiceSchema.safeParse(applyPatch(presentService(deps, current), request.body));
        if (!patched.success) throw new RunnerError('patch_invalid', 'the patched service would not be one');
        if (patched.data.name !== current.name) throw new RunnerError('patch_invalid', 'a service cannot be renamed');
        return checkedService(deps, patched.data, current, true);
      });
      return presentWritten(deps, changed);
    },
  });
}

function registerReads(app: Api, deps: ApiDeps, { kind, base, tags }: Place): void {
  const { store } = deps;
  const read = async (request: Parameters<typeof principalOf>[0], service: Entity): Promise<ShownEntity> => {
    const principal = principalOf(request);
    await requireOwn(store, principal, { service });
    // The workload is the one reader that has to use what stands there.
    return presentService(deps, service, principal.role === 'run');
  };
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
      const page = await store.entities.list({ kind, ...pageOf(request.query) });
      return listed(page, (entity) => presentService(deps, entity));
    },
  });
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
}

const deleteQuerySchema = z.object({
  hardDelete: z.stringbool().optional().describe('accepted and ignored: deleting is always for good'),
  recursive: z.stringbool().optional().describe('accepted and ignored'),
});

function registerDeletion(app: Api, deps: ApiDeps, { kind, base, tags }: Place): void {
  const { store } = deps;
  app.route({
    method: 'DELETE',
    url: `${base}/:id`,
    config: { operation: 'services.write' },
    schema: {
      tags,
      summary: 'Delete; its ingestion pipelines have to be deleted first',
      params: idParamsSchema,
      querystring: deleteQuerySchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const entity = await entityById(store, kind, request.params.id);
      const where = { 'service.id': entity.id };
      const { total } = await store.entities.list({ kind: 'ingestionPipeline', limit: 0, where });
      if (total > 0) {
        throw new RunnerError('not_empty', `the service still has ${total} ingestion pipeline(s)`, {
          hint: 'delete its ingestion pipelines first',
        });
      }
      await store.entities.remove(kind, entity.id);
      return { ...presentService(deps, entity), deleted: true };
    },
  });
}
