import { isRunnerError } from '@runner/core';
import type { UpgradeAnswer, UpgradeRefusal } from '@runner/protocol/ws';
import type { IncomingMessage } from 'node:http';
import type { Auth, RunnerIdentity } from '../auth/index.ts';

const STATUS: Readonly<Record<string, UpgradeRefusal['status']>> = {
  token_missing: 401,
  token_invalid: 401,
  token_expired: 401,
  token_revoked: 401,
  forbidden: 403,
  issuer_unavailable: 503,
  store_unavailable: 503,
};

/** Checks the token of an upgrade request. What a person has to put right is said with its code; other failures are thrown. */
export async function authenticateUpgrade(
  auth: Pick<Auth, 'agentIdentity'>,
  request: IncomingMessage,
): Promise<UpgradeAnswer<RunnerIdentity>> {
  try {
    return { identity: await auth.agentIdentity(request.headers.authorization) };
  } catch (error) {
    const status = isRunnerError(error) ? STATUS[error.code] : undefined;
    if (!isRunnerError(error) || status === undefined) throw error;
    const message = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    return { refuse: { status, code: error.code, message } };
  }
}
