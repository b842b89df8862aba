import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import rateLimit from '@fastify/rate-limit';
import { RunnerError } from '@runner/core';
import type { Auth, Principal } from '../auth/index.ts';
import { isPublic, mayDo } from './access.ts';
import type { Operation } from './access.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route does, in the words of `ACCESS`. A route without one is refused at start. */
    operation?: Operation;
    /** The route takes raw text, such as logs: it is cleaned instead of refused. */
    rawText?: boolean;
  }
  interface FastifyRequest {
    /** Set on every route that is not public. */
    principal: Principal | undefined;
  }
}

export interface AuthenticationOptions {
  readonly auth: Auth;
  readonly rateLimitPerMinute: number;
}

/** Failed attempts a minute from one address: enough for a mistyped token, too few to guess. */
const FAILURES_PER_MINUTE = 60;

/** Before a body is read: who is it, may they, and not too often. */
export async function registerAuthentication(app: FastifyInstance, options: AuthenticationOptions): Promise<void> {
  const { auth, rateLimitPerMinute } = options;
  await app.register(rateLimit, { global: false, max: rateLimitPerMinute, timeWindow: 60_000, cache: 10_000 });
  const requests = app.createRateLimit({ max: rateLimitPerMinute, timeWindow: 60_000, keyGenerator: rateKey });
  const failures = app.createRateLimit({
    max: FAILURES_PER_MINUTE,
    timeWindow: 60_000,
    keyGenerator: (request) => `failed ${request.ip}`,
  });

  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', async (request) => {
    const { operation } = request.routeOptions.config;
    if (request.is404 || operation === undefined) return;
    if (!isPublic(operation)) {
      try {
        request.principal = await auth.authenticate(request.headers.authorization);
      } catch (error) {
        refuseWhenExceeded(await failures(request));
        throw error;
      }
    }
    refuseWhenExceeded(await requests(request));
    const { principal } = request;
    if (principal !== undefined && !mayDo(principal.role, operation)) {
      throw new RunnerError('forbidden', `a token of role ${principal.role} may not do this (${operation})`);
    }
  });
}

type Limit =
  | { readonly isAllowed: true }
  | { readonly isAllowed: false; readonly isExceeded: boolean; readonly ttlInSeconds: number };

function refuseWhenExceeded(limit: Limit): void {
  if (limit.isAllowed || !limit.isExceeded) return;
  throw new RunnerError('rate_limited', 'too many requests in a minute', {
    hint: `wait ${limit.ttlInSeconds} s`,
  });
}

/** One count for each token, however many addresses it comes from; for nobody in particular one for each address. */
function rateKey(request: FastifyRequest): string {
  const tokenId = request.principal?.tokenId;
  return tokenId === undefined ? `from ${request.ip}` : createHash('sha256').update(tokenId).digest('base64url');
}

/** Who makes this request; every route that is not public has somebody. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal !== undefined) return request.principal;
  throw new RunnerError('token_missing', 'the request has no token');
}

/** For options of a route that only an administrator may use. */
export function requireAdmin(request: FastifyRequest, what: string): void {
  if (principalOf(request).role === 'admin') return;
  throw new RunnerError('forbidden', `only an administrator may ${what}`);
}
