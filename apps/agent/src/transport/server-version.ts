import { RunnerError } from '@runner/core';
import { jsonOf } from '../config/format.ts';
import type { Rest } from './rest.ts';

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/;

/** The OpenMetadata version of a server; rejects with `rest_failed` when it does not say one. */
export async function serverVersion(rest: Rest, signal: AbortSignal): Promise<string> {
  const answer = await rest.get('/v1/system/version', signal);
  const body = answer.status === 200 ? jsonOf(answer.body) : undefined;
  const version = typeof body === 'object' && body !== null && 'version' in body ? body.version : undefined;
  if (typeof version === 'string' && VERSION.test(version)) return version;
  throw new RunnerError('rest_failed', `the server does not say an OpenMetadata version (HTTP ${answer.status})`, {
    details: { status: answer.status },
  });
}
