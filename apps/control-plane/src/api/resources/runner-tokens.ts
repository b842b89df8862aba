import type { Api, ApiDeps } from '../deps.ts';
import { RUNNERS_BASE, presentRunner, runnerById, runnerSchema, withTokenSchema } from '../runner-document.ts';
import { failures, idParamsSchema } from '../schemas.ts';

const tags = ['ingestionRunners'];

/** Who may speak as a runner, and where it may work. */
export function registerRunnerTokens(app: Api, deps: ApiDeps): void {
  const { store, auth, gateway } = deps;
  app.route({
    method: 'POST',
    url: `${RUNNERS_BASE}/:id/rotate-token`,
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
      return { runner: presentRunner(deps, admitted), token };
    },
  });
  app.route({
    method: 'POST',
    url: `${RUNNERS_BASE}/:id/revoke`,
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
      return presentRunner(deps, revoked);
    },
  });
  app.route({
    method: 'POST',
    url: `${RUNNERS_BASE}/:id/release-scope`,
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
      return presentRunner(deps, await runnerById(store, row.id));
    },
  });
}

/** All tokens of a runner are refused from now on. */
export async function revokeTokens({ store, clock }: Pick<ApiDeps, 'store' | 'clock'>, agentId: string): Promise<void> {
  for (const token of await store.tokens.list({ role: 'runner', agentId })) {
    if (token.revokedAt === undefined) await store.tokens.revoke(token.id, clock.now());
  }
}
