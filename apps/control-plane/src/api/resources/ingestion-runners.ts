import { RunnerError, isRunnerError } from '@runner/core';
import { z } from 'zod';
import { DEFAULT_RUNNER } from '../../openmetadata/runner-choice.ts';
import { SERVICE_KINDS } from '../../openmetadata/service-kinds.ts';
import type { RunnerRow, Store } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import {
  RUNNERS_BASE,
  presentRunner,
  runnerByEither,
  runnerById,
  runnerSchema,
  withTokenSchema,
} from '../runner-document.ts';
import { failures, idParamsSchema } from '../schemas.ts';
import { registerRunnerTokens, revokeTokens } from './runner-tokens.ts';
import { registerSecretChecks } from './secret-checks.ts';

const tags = ['ingestionRunners'];

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
  registerRunnerTokens(app, deps);
  registerSecretChecks(app, deps);
}

function registerReads(app: Api, deps: ApiDeps): void {
  const { store } = deps;
  app.route({
    method: 'GET',
    url: RUNNERS_BASE,
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
        .map((row) => presentRunner(deps, row))
        .filter((runner) => wanted === undefined || runner.status === wanted);
      return { data, paging: { total: data.length } };
    },
  });
  for (const path of [`${RUNNERS_BASE}/:idOrName`, `${RUNNERS_BASE}/name/:idOrName`]) {
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
        return presentRunner(deps, row);
      },
    });
  }
}

function registerWrites(app: Api, deps: ApiDeps): void {
  const { store, auth, random, gateway, clock } = deps;
  app.route({
    method: 'POST',
    url: RUNNERS_BASE,
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
      return reply.code(201).send({ runner: presentRunner(deps, row), token });
    },
  });
  app.route({
    method: 'DELETE',
    url: `${RUNNERS_BASE}/:id`,
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
      return presentRunner(deps, { ...row, active: false });
    },
  });
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
