import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { deleteEntity } from '../../openmetadata/deletion.ts';
import { objectOf } from '../../openmetadata/json.ts';
import type { Entity, JsonObject } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import { WORKFLOWS_BASE, checkedWorkflow, createWorkflowSchema, presentWorkflow } from '../automation-document.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { entityByFqn, entityById, fqnPart, listed, pageOf } from '../entities.ts';
import type { JsonPatch } from '../json-patch.ts';
import { applyPatch, patchSchema } from '../json-patch.ts';
import { isWorkload, refuseWorkload, requireOwn } from '../run-scope.ts';
import {
  clientResponseSchema,
  entitySchema,
  failures,
  fqnParamsSchema,
  idParamsSchema,
  listSchema,
  pagingQuerySchema,
} from '../schemas.ts';
import type { ShownEntity } from '../schemas.ts';
import { triggered } from './pipeline-actions.ts';

const KIND = 'automationWorkflow';
const tags = ['automations'];

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
    url: WORKFLOWS_BASE,
    config: { operation: 'automations.write' },
    schema: { tags, summary: 'Create', body: createWorkflowSchema, response: { 201: entitySchema, ...failures } },
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
      return reply.code(201).send(presentWorkflow(deps, entity));
    },
  });
  app.route({
    method: 'POST',
    url: `${WORKFLOWS_BASE}/trigger/:id`,
    config: { operation: 'automations.run' },
    schema: {
      tags,
      summary: 'Run it; read the workflow until its status is Successful or Failed',
      params: idParamsSchema,
      response: { 200: clientResponseSchema, ...failures },
    },
    handler: async (request) => {
      const { subject } = principalOf(request);
      const row = await trigger.triggerAutomation(request.params.id, {
        trigger: 'manual',
        createdBy: subject,
        traceparent: request.headers['traceparent'],
      });
      return triggered(row.record.runId, row.record.agentId);
    },
  });
  app.route({
    method: 'DELETE',
    url: `${WORKFLOWS_BASE}/:id`,
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
      const { marked } = await deleteEntity(deps, { kind: KIND, id: request.params.id }, subject);
      return presentWorkflow(deps, marked);
    },
  });
}

function registerReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: WORKFLOWS_BASE,
    config: { operation: 'automations.read' },
    schema: {
      tags,
      summary: 'List',
      querystring: pagingQuerySchema,
      response: { 200: listSchema(entitySchema), ...failures },
    },
    handler: async (request) => {
      refuseWorkload(principalOf(request));
      const page = await store.entities.list({ kind: KIND, ...pageOf(request.query) });
      return listed(page, (entity) => presentWorkflow(deps, entity));
    },
  });
  app.route({
    method: 'GET',
    url: `${WORKFLOWS_BASE}/:id`,
    config: { operation: 'automations.read' },
    schema: { tags, summary: 'Read by id', params: idParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => read(deps, request, await entityById(store, KIND, request.params.id)),
  });
  app.route({
    method: 'GET',
    url: `${WORKFLOWS_BASE}/name/:fqn`,
    config: { operation: 'automations.read' },
    schema: { tags, summary: 'Read by name', params: fqnParamsSchema, response: { 200: entitySchema, ...failures } },
    handler: async (request) => read(deps, request, await entityByFqn(store, KIND, request.params.fqn)),
  });
}

async function read(deps: ApiDeps, request: Parameters<typeof principalOf>[0], workflow: Entity): Promise<ShownEntity> {
  const principal = principalOf(request);
  await requireOwn(deps.store, principal, { workflow });
  return presentWorkflow(deps, workflow, principal.role === 'run');
}

const REPORTED = ['/response', '/status'];
const WORKFLOW_STATUSES: ReadonlySet<unknown> = new Set(['Pending', 'Running', 'Successful', 'Failed']);

/** Where the workload writes what came of it. */
function registerReport(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'PATCH',
    url: `${WORKFLOWS_BASE}/:id`,
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
      return presentWorkflow(deps, changed, isWorkload(principal));
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
