import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { checkConnection, connectionRefused } from '../../openmetadata/connection-check.ts';
import { removeEntity } from '../../openmetadata/deletion.ts';
import { isObject, objectOf, stringOf, without } from '../../openmetadata/json.ts';
import { keepMasked, maskConnection } from '../../openmetadata/masking.ts';
import { findRunner, secretsManagerOf } from '../../openmetadata/runner-choice.ts';
import { SERVICE_KINDS } from '../../openmetadata/service-kinds.ts';
import type { Entity, JsonObject, RunnerRow } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { entityByFqn, entityById, fqnPart, listed, ownFields, presented } from '../entities.ts';
import type { JsonPatch } from '../json-patch.ts';
import { applyPatch, patchSchema } from '../json-patch.ts';
import { isWorkload, refuseWorkload, requireOwn } from '../run-scope.ts';
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

const KIND = 'automationWorkflow';
const BASE = '/api/v1/automations/workflows';
const tags = ['automations'];

const createSchema = z.looseObject({
  name: entityNameSchema,
  displayName: z.string().max(256).nullish(),
  description: z.string().max(100_000).nullish(),
  workflowType: z.enum(['TEST_CONNECTION', 'REVERSE_INGESTION', 'QUERY_RUNNER']),
  request: z.looseObject({
    connection: z.looseObject({ config: jsonObjectSchema.nullish() }).nullish(),
    serviceType: z.string().max(64).nullish().describe('such as Database'),
    connectionType: z.string().max(64).nullish().describe('such as Postgres'),
    serviceName: z.string().max(256).nullish().describe('masked values are those of this service'),
    ingestionRunner: z
      .union([z.string().max(256), entityReferenceSchema])
      .nullish()
      .describe('name of the runner; default: that of the service, or the default runner'),
  }),
});

/** Test connections and other one-off jobs. */
export function registerAutomations(app: Api, deps: ApiDeps): void {
  registerWrites(app, deps);
  registerReads(app, deps);
  registerReport(app, deps);
}

function registerWrites(app: Api, deps: ApiDeps): void {
  const { store, random, trigger } = deps;
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'automations.write' },
    schema: { tags, summary: 'Create', body: createSchema, response: { 201: entitySchema, ...failures } },
    handler: async (request, reply) => {
      const json = await checkedWorkflow(deps, request.body);
      const { name } = request.body;
      const updatedBy = principalOf(request).subject;
      const entity = await store.entities.create({
        id: random.uuid(),
        kind: KIND,
        name,
        fqn: fqnPart(name),
        updatedBy,
        json,
      });
      return reply.code(201).send(present(deps, entity));
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/trigger/:id`,
    config: { operation: 'automations.run' },
    schema: {
      tags,
      summary: 'Run it; read the workflow until its status is Successful or Failed',
      params: idParamsSchema,
      response: { 200: clientResponseSchema, ...failures },
    },
    handler: async (request) => {
      const { subject } = principalOf(request);
      const row = await trigger.triggerAutomation(request.params.id, { trigger: 'manual', createdBy: subject });
      return triggered(row.record.runId, row.record.agentId);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'automations.write' },
    schema: {
      tags,
      summary: 'Delete; an open run is cancelled first',
      params: idParamsSchema,
      querystring: z.object({ hardDelete: z.stringbool().optional().describe('accepted and ignored') }),
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const { subject } = principalOf(request);
      const marked = await store.entities.update(KIND, request.params.id, ({ json }) => ({
        json: { ...json, deleted: true },
        updatedBy: subject,
      }));
      await trigger.kill(marked.id);
      await removeEntity(store, marked);
      return present(deps, marked);
    },
  });
}

function registerReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'automations.read' },
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
        kind: KIND,
        limit,
        ...(after === undefined ? {} : { after }),
        ...(before === undefined ? {} : { before }),
      });
      return listed(page, (entity) => present(deps, entity));
    },
  });
  app.route({
    method: 'GET',
    url: `${BASE}/:id`,
    config: { operation: 'automations.read' },
    schema: { tags, summary: 'Read by id', params: idParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => read(deps, request, await entityById(store, KIND, request.params.id)),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/name/:fqn`,
    config: { operation: 'automations.read' },
    schema: { tags, summary: 'Read by name', params: fqnParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => read(deps, request, await entityByFqn(store, KIND, request.params.fqn)),
  });
}

async function read(deps: ApiDeps, request: Parameters<typeof principalOf>[0], workflow: Entity): Promise<ShownEntity> {
  const principal = principalOf(request);
  await requireOwn(deps.store, principal, { workflow });
  return present(deps, workflow, principal.role === 'run');
}

const REPORTED = ['/response', '/status'];
const WORKFLOW_STATUSES: ReadonlySet<unknown> = new Set(['Pending', 'Running', 'Successful', 'Failed']);

/** Where the workload writes what came of it. */
function registerReport(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'PATCH',
    url: `${BASE}/:id`,
    config: { operation: 'automations.report' },
    schema: {
      tags,
      summary: 'Change by JSON Patch; workloads write /response and /status',
      params: idParamsSchema,
      body: patchSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const principal = principalOf(request);
      const workflow = await entityById(store, KIND, request.params.id);
      await requireOwn(store, principal, { workflow });
      refuseForeignPaths(request.body);
      const changed = await store.entities.update(KIND, workflow.id, ({ json }) => ({
        json: reported(json, request.body),
        updatedBy: principal.subject,
      }));
      return present(deps, changed, isWorkload(principal));
    },
  });
}

function refuseForeignPaths(patch: JsonPatch): void {
  const foreign = patch.find(({ path }) => !REPORTED.some((own) => path === own || path.startsWith(`${own}/`)));
  if (foreign === undefined) return;
  throw new RunnerError('patch_invalid', 'only /response and /status of a workflow can be patched', {
    hint: 'to test something else, create another workflow',
  });
}

function reported(json: JsonObject, patch: JsonPatch): JsonObject {
  const patched = objectOf(applyPatch(json, patch));
  if (!WORKFLOW_STATUSES.has(patched['status'])) {
    throw new RunnerError('patch_invalid', 'status has to be Pending, Running, Successful or Failed');
  }
  return patched;
}

/** Masked values stand for those of the service that is tested; nothing in plain text goes to a hybrid runner. */
async function checkedWorkflow(deps: ApiDeps, body: z.infer<typeof createSchema>): Promise<JsonObject> {
  const fields = without(ownFields(body), 'name');
  const at = '/request/connection/config';
  const request = objectOf(fields['request']);
  const service = await testedService(deps, stringOf(request['serviceName']));
  const connection = objectOf(request['connection']);
  const config = keepMasked(connection['config'], objectOf(service?.json['connection'])['config'], at);
  const reference = request['ingestionRunner'] ?? service?.json['ingestionRunner'];
  const runner = await namedRunner(deps, reference);
  if (runner?.kind === 'hybrid' && isObject(config)) {
    const type = stringOf(request['connectionType']) ?? '';
    const secretsManager = secretsManagerOf(runner);
    const { refused } = checkConnection({ config, type, at, secretsManager, mode: deps.config.plaintextSecrets });
    if (refused.length > 0) throw connectionRefused(refused);
  }
  return {
    ...fields,
    status: 'Pending',
    request: {
      ...request,
      ...(isObject(request['connection']) ? { connection: { ...connection, config } } : {}),
      ...(runner === undefined ? {} : { ingestionRunner: runner.name }),
    },
  };
}

async function testedService({ store }: ApiDeps, name: string | undefined): Promise<Entity | undefined> {
  if (name === undefined) return undefined;
  for (const kind of SERVICE_KINDS) {
    const service = await store.entities.byFqn(kind, fqnPart(name));
    if (service !== undefined) return service;
  }
  return undefined;
}

async function namedRunner({ store }: ApiDeps, reference: unknown): Promise<RunnerRow | undefined> {
  if (reference === undefined || reference === null) return undefined;
  const runner = await findRunner(store.runners, reference);
  if (runner !== undefined && !runner.revoked) return runner;
  throw new RunnerError('runner_not_found', 'there is no usable ingestion runner of this name', {
    hint: 'GET /api/v1/ingestionRunners lists them',
  });
}

function present({ config }: Pick<ApiDeps, 'config'>, entity: Entity, raw = false): ShownEntity {
  const document = presented(entity, `${config.publicUrl}${BASE}/${entity.id}`);
  const request = objectOf(document['request']);
  const { connection } = request;
  if (raw || !isObject(connection)) return document;
  const masked = maskConnection(connection['config'], stringOf(request['connectionType']) ?? '');
  return { ...document, request: { ...request, connection: { ...connection, config: masked } } };
}
