import { RunnerError } from '@runner/core';
import type { AgentIdentity } from '@runner/protocol/server';
import type { TokenRole } from '../store/ports.ts';

/** Who is speaking: the verified content of a token. */
export interface Principal {
  readonly role: TokenRole;
  /** Name for audit, such as `admin` or `ingestion-bot`. */
  readonly subject: string;
  /** `jti`; for tokens of an outside issuer its name and subject. */
  readonly tokenId: string;
  /** For `runner`: the one agentId it may speak as. */
  readonly agentId?: string;
  /** For `run` and `exitStep`. */
  readonly runId?: string;
  /** Epoch milliseconds; absent for tokens that never expire. */
  readonly expiresAt?: number;
}

/** An agent before its first frame; beside what the bridge needs, the token, so that its sockets can be closed with it. */
export interface RunnerIdentity extends AgentIdentity {
  readonly tokenId: string;
  readonly expiresAt?: number;
}

/** The token of `Authorization: Bearer …`. */
export function bearerToken(header: string | undefined): string {
  const match = /^bearer +([^\s]+)\s*$/i.exec(header ?? '');
  if (match?.[1] !== undefined) return match[1];
  throw header === undefined || header.trim() === ''
    ? new RunnerError('token_missing', 'the request has no token', { hint: 'send Authorization: Bearer <token>' })
    : new RunnerError('token_invalid', 'the Authorization header is not of the form Bearer <token>', {
        hint: 'send Authorization: Bearer <token>, without quotes and line breaks',
      });
}

/**
 * Who may open a bridge session: a runner's token speaks as its own agentId, a bot's as any (an unbound bot token
 * registers new agents by itself, as everybody who uses the ingestion bot's token expects). Nobody else may.
 */
export function agentIdentityOf(principal: Principal): RunnerIdentity {
  const { role, subject, tokenId, agentId, expiresAt } = principal;
  const identity = { subject, tokenId, ...(expiresAt === undefined ? {} : { expiresAt }) };
  if (role === 'bot') return identity;
  if (role === 'runner' && agentId !== undefined) return { ...identity, agentIds: [agentId] };
  throw new RunnerError('forbidden', `a token of role ${role} cannot open a runner session`, {
    hint: 'use the token that was shown when the runner was created, or that of a bot',
  });
}
