import { RunnerError, isRunnerError } from '@runner/core';
import { z } from 'zod';
import { isObject } from '../../openmetadata/json.ts';
import { DEFAULT_RUNNER } from '../../openmetadata/runner-choice.ts';
import { SERVICE_KINDS } from '../../openmetadata/service-kinds.ts';
import type { JsonObject, RunnerRow, Store } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { isUuid, missing } from '../entities.ts';
import { failures, idParamsSchema } from '../schemas.ts';

const BASE = '/api/v1/ingestionRunners';
const tags = ['ingestionRunners'];

const runnerSchema = z
  .looseObject({
    id: z.string(),
    name: z.string().describe('the agentId'),
    fullyQualifiedName: z.string(),
    displayName: z.string().optional(),
    description: z.string().optional(),
    status: z.enum(['Active', 'Inactive']).describe('Active: an agent holds a session now'),
    kind: z.enum(['hybrid', 'saas']),
    revoked: z.boolean(),
    createdAt: z.number(),
    lastSeenAt: z.number().optional().describe('epoch milliseconds'),
    agentVersion: z.string().optional(),
    executor: z.string().optional().describe('local, k8s, argo'),
    secretsManager: z.string().optional(),
    slots: z.looseObject({ total: z.number(), free: z.number() }).optional(),
    instances: z.array(z.looseObject({ instanceId: z.string(), role: z.string() })).optional(),
  })
  .meta({ id: 'IngestionRunner' });
type Runner = z.infer<typeof runnerSchema>;

/** What becomes a label, a path and a file name at the agent. */
const runnerNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/, 'must be letters, digits, ".", "_" and "-", at most 128');

const createSchema = z.object({
  name: runnerNameSchema.describe('the AGENT_ID of the agent'),
  displayName: z.string().max(256).optional(),
  description: z.string().max(10_000).optional(),
  expiresAt: z.number().int().optional().describe('when its token expires, epoch milliseconds; default never'),
});

const withTokenSchema = z.object({
  runner: runnerSchema,
  token: z.string().describe('shown this once; the AUTH_TOKEN of the agent'),
});

const listQuerySchema = z.object({
  status: z.enum(['Active', 'Inactive', 'Connected']).optional().describe('Connected is an older word for Active'),
});

/** The entry that services without a runner use; made at start by whoever starts first. */
export async function ensureDefaultRunner({ store, random }: Pick<ApiDeps, 'store' | 'random'>): Promise<void> {
  if ((await store.runners.byName(DEFAULT_RUNNER.name)) !== undefined) return;
  try {
    await store.runners.create({ id: random.uuid(), kind: 'saas', ...DEFAULT_RUNNER });
  } catch (error) {
    if (!isRunnerError(error, 'already_exists')) throw error;
  }
}

export function registerRunners(app: Api, deps: ApiDeps): void {
  registerReads(app, deps);
  registerWrites(app, deps);
  registerTokenActions(app, deps);
}

function registerReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'runners.read' },
    schema: {
      tags,
      summary: 'List',
      querystring: listQuerySchema,
      response: {
        200: z.object({ data: z.array(runnerSchema), paging: z.object({ total: z.number() }) }),
        ...failures,
      },
    },
    handler: async (request) => {
      const principal = principalOf(request);
      const { status } = request.query;
      const wanted = status === 'Connected' ? 'Active' : status;
      const data = (await store.runners.list())
        .filter((row) => principal.role !== 'runner' || row.name === principal.agentId)
        .map((row) => shown(deps, row))
        .filter((runner) => wanted === undefined || runner.status === wanted);
      return { data, paging: { total: data.length } };
    },
  });
  for (const path of [`${BASE}/:idOrName`, `${BASE}/name/:idOrName`]) {
    app.route({
      method: 'GET',
      url: path,
      config: { operation: 'runners.read' },
      schema: {
        tags,
        summary: 'Read by id or name',
        params: z.object({ idOrName: z.string().min(1).max(256) }),
        response: { 200: runnerSchema, ...failures },
      },
      handler: async (request) => {
        const principal = principalOf(request);
        const row = await runnerByEither(store, request.params.idOrName);
        if (principal.role === 'runner' && principal.agentId !== row.name) {
          throw new RunnerError('forbidden', 'the token of a runner reaches only its own entry');
        }
        return shown(deps, row);
      },
    });
  }
}

function registerWrites(app: Api, deps: ApiDeps): void {
  const { store, auth, random, gateway, clock } = deps;
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'runners.write' },
    schema: {
      tags,
      summary: 'Create a runner and the token of its agent',
      body: createSchema,
      response: { 201: withTokenSchema, ...failures },
    },
    handler: async (request, reply) => {
      const { name, displayName, description, expiresAt } = request.body;
      if (expiresAt !== undefined && expiresAt <= clock.now()) {
        throw new RunnerError('invalid_request', 'expiresAt lies in the past');
      }
      const row = await store.runners.create({
        id: random.uuid(),
        name,
        kind: 'hybrid',
        ...(displayName === undefined ? {} : { displayName }),
        ...(description === undefined ? {} : { description }),
      });
      const expiry = expiresAt === undefined ? {} : { expiresAt };
      const { token } = await auth.issue({ role: 'runner', subject: `runner ${name}`, agentId: name, ...expiry });
      return reply.code(201).send({ runner: shown(deps, row), token });
    },
  });
  app.route({
    method: 'DELETE',
    url: `${BASE}/:id`,
    config: { operation: 'runners.write' },
    schema: {
      tags,
      summary: 'Delete; services and open runs must not use it any more',
      params: idParamsSchema,
      response: { 200: runnerSchema, ...failures },
    },
    handler: async (request) => {
      const row = await runnerById(store, request.params.id);
      if (row.name === DEFAULT_RUNNER.name) throw new RunnerError('conflict', 'the default runner cannot be deleted');
      await requireUnused(store, row);
      await revokeTokens(deps, row.name);
      await store.runners.remove(row.id);
      await gateway.disconnectRunner(row.name);
      return shown(deps, { ...row, active: false });
    },
  });
}

function registerTokenActions(app: Api, deps: ApiDeps): void {
  const { store, auth, gateway } = deps;
  app.route({
    method: 'POST',
    url: `${BASE}/:id/rotate-token`,
    config: { operation: 'runners.write' },
    schema: {
      tags,
      summary: 'A new token; the old ones are refused from now on, and a revoked runner is admitted again',
      params: idParamsSchema,
      response: { 200: withTokenSchema, ...failures },
    },
    handler: async (request) => {
      const row = await runnerById(store, request.params.id);
      await revokeTokens(deps, row.name);
      const admitted = row.revoked ? await store.runners.update(row.id, { revoked: false }) : row;
      const { token } = await auth.issue({ role: 'runner', subject: `runner ${row.name}`, agentId: row.name });
      await gateway.disconnectRunner(row.name);
      return { runner: shown(deps, admitted), token };
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/revoke`,
    config: { operation: 'runners.write' },
    schema: {
      tags,
      summary: 'Refuse this runner: its tokens, and its name under any token',
      params: idParamsSchema,
      response: { 200: runnerSchema, ...failures },
    },
    handler: async (request) => {
      const row = await runnerById(store, request.params.id);
      const revoked = await store.runners.update(row.id, { revoked: true });
      await revokeTokens(deps, row.name);
      await gateway.disconnectRunner(row.name);
      return shown(deps, revoked);
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/release-scope`,
    config: { operation: 'runners.write' },
    schema: {
      tags,
      summary: 'Let the agent work in another cluster or folder although runs are open in the old one',
      params: idParamsSchema,
      response: { 200: runnerSchema, ...failures },
    },
    handler: async (request) => {
      const row = await runnerById(store, request.params.id);
      // Instances that wait hear of it from the store; nobody's session has to end for it.
      await store.runners.releaseScope(row.name);
      return shown(deps, await runnerById(store, row.id));
    },
  });
}

async function runnerById(store: Store, id: string): Promise<RunnerRow> {
  const row = await store.runners.byId(id);
  if (row === undefined) throw missing('ingestion runner', id);
  return row;
}

async function runnerByEither(store: Store, idOrName: string): Promise<RunnerRow> {
  const byId = isUuid(idOrName) ? await store.runners.byId(idOrName) : undefined;
  const row = byId ?? (await store.runners.byName(idOrName));
  if (row === undefined) throw missing('ingestion runner', idOrName);
  return row;
}

async function revokeTokens({ store, clock }: ApiDeps, agentId: string): Promise<void> {
  for (const token of await store.tokens.list({ role: 'runner', agentId })) {
    if (token.revokedAt === undefined) await store.tokens.revoke(token.id, clock.now());
  }
}

async function requireUnused(store: Store, { id, name }: RunnerRow): Promise<void> {
  const hint = 'choose another runner on them, or revoke this one instead';
  for (const kind of [...SERVICE_KINDS, 'ingestionPipeline', 'app'] as const) {
    const { total } = await store.entities.list({ kind, limit: 0, where: { 'ingestionRunner.id': id } });
    if (total > 0) throw new RunnerError('not_empty', `${total} ${kind}(s) use the runner ${name}`, { hint });
  }
  if ((await store.runBook.open(name)).length > 0) {
    throw new RunnerError('not_empty', `runs of the runner ${name} are open`, { hint: 'kill them first' });
  }
}

/** The entry as it is shown; what the agent said of itself is read with care. */
function shown({ gateway, config }: ApiDeps, row: RunnerRow): Runner {
  const info = row.info ?? {};
  const instances = gateway.bridge.connected(row.name).map((agent) => ({
    instanceId: agent.instanceId,
    role: agent.role,
    connectedAt: agent.connectedAt,
    draining: agent.draining,
  }));
  return {
    id: row.id,
    name: row.name,
    fullyQualifiedName: row.name,
    ...(row.displayName === undefined ? {} : { displayName: row.displayName }),
    ...(row.description === undefined ? {} : { description: row.description }),
    status: row.active && !row.revoked ? 'Active' : 'Inactive',
    kind: row.kind,
    revoked: row.revoked,
    createdAt: row.createdAt,
    ...(row.lastSeenAt === undefined ? {} : { lastSeenAt: row.lastSeenAt }),
    ...textFields(info),
    ...(isSlots(info['slots']) ? { slots: info['slots'] } : {}),
    ...(isObject(info['scope']) ? { scope: info['scope'] } : {}),
    ...(instances.length === 0 ? {} : { instances }),
    href: `${config.publicUrl}${BASE}/${row.id}`,
  };
}

function textFields(info: JsonObject): Pick<Runner, 'agentVersion' | 'executor' | 'secretsManager'> {
  const names = ['agentVersion', 'executor', 'secretsManager'] as const;
  return Object.fromEntries(names.flatMap((name) => (typeof info[name] === 'string' ? [[name, info[name]]] : [])));
}

function isSlots(value: unknown): value is { total: number; free: number } {
  return isObject(value) && typeof value['total'] === 'number' && typeof value['free'] === 'number';
}
