import { RunnerError } from '@runner/core';
import { z } from 'zod';
import type { TokenRow } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { missing } from '../entities.ts';
import { failures } from '../schemas.ts';

const BASE = '/api/v1/tokens';
const tags = ['tokens'];

const tokenRowSchema = z
  .object({
    id: z.string(),
    role: z.enum(['admin', 'user', 'bot', 'runner', 'run', 'exitStep']),
    subject: z.string(),
    agentId: z.string().optional(),
    createdAt: z.number(),
    expiresAt: z.number().optional(),
    revokedAt: z.number().optional(),
  })
  .meta({ id: 'Token' });

const issueSchema = z.object({
  role: z.enum(['admin', 'user', 'bot']).describe('tokens of runners come with their runner'),
  subject: z.string().min(1).max(256).describe('whose it is, for the records'),
  expiresAt: z.number().int().optional().describe('epoch milliseconds; default never'),
});

/** Tokens of people, scripts and bots. */
export function registerTokens(app: Api, deps: ApiDeps): void {
  const { store, auth, clock, gateway } = deps;
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'tokens.manage' },
    schema: {
      tags,
      summary: 'List; tokens themselves are never shown again',
      querystring: z.object({ role: z.enum(['admin', 'user', 'bot', 'runner']).optional() }),
      response: { 200: z.object({ data: z.array(tokenRowSchema) }), ...failures },
    },
    handler: async (request) => {
      const { role } = request.query;
      const rows = await store.tokens.list(role === undefined ? {} : { role });
      return { data: rows.map(shown) };
    },
  });
  app.route({
    method: 'POST',
    url: BASE,
    config: { operation: 'tokens.manage' },
    schema: {
      tags,
      summary: 'Issue a token; it is shown this once',
      body: issueSchema,
      response: { 201: z.object({ token: z.string(), row: tokenRowSchema }), ...failures },
    },
    handler: async (request, reply) => {
      const { role, subject, expiresAt } = request.body;
      if (expiresAt !== undefined && expiresAt <= clock.now()) {
        throw new RunnerError('invalid_request', 'expiresAt lies in the past');
      }
      const { token, row } = await auth.issue({ role, subject, ...(expiresAt === undefined ? {} : { expiresAt }) });
      return reply.code(201).send({ token, row: shown(row) });
    },
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/revoke`,
    config: { operation: 'tokens.manage' },
    schema: {
      tags,
      summary: 'Refuse this token from now on; sessions that were opened with it are closed',
      params: z.object({ id: z.string().min(1).max(256) }),
      response: { 200: tokenRowSchema, ...failures },
    },
    handler: async (request) => {
      const { id } = request.params;
      const row = await store.tokens.get(id);
      if (row === undefined) throw missing('token', id);
      if (principalOf(request).tokenId === id) {
        throw new RunnerError('conflict', 'a token cannot revoke itself', { hint: 'issue another admin token first' });
      }
      await store.tokens.revoke(id, clock.now());
      await gateway.disconnectToken(id);
      return shown((await store.tokens.get(id)) ?? row);
    },
  });
}

function shown({
  id,
  role,
  subject,
  agentId,
  createdAt,
  expiresAt,
  revokedAt,
}: TokenRow): z.infer<typeof tokenRowSchema> {
  return {
    id,
    role,
    subject,
    createdAt,
    ...(agentId === undefined ? {} : { agentId }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}
