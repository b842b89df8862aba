import { createRemoteJWKSet, errors } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { RunnerError, messageOf } from '@runner/core';
import type { Principal } from './principal.ts';

/** Algorithms of outside issuers; symmetric ones never. */
export const OUTSIDE_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384'];
const FETCH_TIMEOUT_MS = 5_000;

/** Finds the key of a token among the configured outside issuers, in their order. */
export function outsideKeys(jwksUrls: readonly string[]): JWTVerifyGetKey {
  const sets = jwksUrls.map((url) => ({
    url,
    find: createRemoteJWKSet(new URL(url), { timeoutDuration: FETCH_TIMEOUT_MS }),
  }));
  return async (header, token) => {
    let unreachable: RunnerError | undefined;
    for (const { url, find } of sets) {
      try {
        return await find(header, token);
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) continue;
        unreachable = new RunnerError('issuer_unavailable', `the keys at ${url} cannot be read: ${messageOf(error)}`, {
          cause: error,
          retryable: true,
        });
      }
    }
    throw unreachable ?? new errors.JWKSNoMatchingKey();
  };
}

/**
 * What an outside token means here. OpenMetadata's tokens say whether they belong to a bot; nobody outside is an
 * administrator of this control plane, whatever the token claims.
 */
export function outsidePrincipal(payload: JWTPayload): Principal {
  const issuer = payload.iss ?? 'unknown issuer';
  const subject = payload.sub ?? '';
  if (subject === '') throw new RunnerError('token_invalid', 'the token names no subject');
  const bot = payload['isBot'] === true || payload['tokenType'] === 'BOT';
  return {
    role: bot ? 'bot' : 'user',
    subject,
    tokenId: `${issuer}#${payload.jti ?? subject}`,
    ...(payload.exp === undefined ? {} : { expiresAt: payload.exp * 1000 }),
  };
}
