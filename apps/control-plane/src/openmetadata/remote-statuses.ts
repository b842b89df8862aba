import type { Clock, Logger } from '@runner/core';
import { messageOf } from '@runner/core';
import type { JsonObject } from '../store/ports.ts';
import { isObject } from './json.ts';
import { isTerminalPipelineState } from './states.ts';

/** The server that a pipeline reports to instead of this one. */
export interface OwnServer {
  /** Base URL with `/api`. */
  readonly hostPort: string;
  readonly jwtToken: string;
}

export interface RemoteEnding {
  readonly fqn: string;
  readonly runId: string;
  /** What this control plane would write; undefined when the run needs no ending. */
  readonly ending: JsonObject | undefined;
}

export type RemoteAnswer =
  /** The workload had written a terminal status there: it counts as written by main. */
  | { readonly kind: 'imported'; readonly status: JsonObject }
  | { readonly kind: 'written' }
  /** The server did not answer, or not yet. */
  | { readonly kind: 'later' }
  /** It was tried for long enough. */
  | { readonly kind: 'given_up' };

export interface RemoteStatuses {
  /**
   * Looks before it writes (decisions.md 9): a terminal status that stands there is imported and never overwritten;
   * otherwise the ending is PUT.
   */
  settle(server: OwnServer, ending: RemoteEnding, signal: AbortSignal): Promise<RemoteAnswer>;
}

export interface RemoteStatusesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the one of this Node. */
  readonly fetch?: typeof fetch;
  /** For how long an unreachable server is asked again, in milliseconds. Default: one hour. */
  readonly patienceMs?: number;
}

const TIMEOUT_MS = 10_000;
const PAUSE_MS = 15_000;
const LONGEST_ANSWER_BYTES = 4 * 1024 * 1024;

interface Attempt {
  readonly first: number;
  readonly next: number;
}

export function createRemoteStatuses(options: RemoteStatusesOptions): RemoteStatuses {
  const { clock, logger, patienceMs = 3_600_000 } = options;
  const call = options.fetch ?? fetch;
  const attempts = new Map<string, Attempt>();

  const exchange = async (
    server: OwnServer,
    { fqn, runId, ending }: RemoteEnding,
    signal: AbortSignal,
  ): Promise<RemoteAnswer> => {
    const base = `${server.hostPort.replace(/\/+$/, '')}/v1/services/ingestionPipelines/${encodeURIComponent(fqn)}/pipelineStatus`;
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const headers = { authorization: `Bearer ${server.jwtToken}`, 'content-type': 'application/json' };
    // A redirect could carry the token elsewhere.
    const get = await call(`${base}/${runId}`, { headers, signal: timeout, redirect: 'error' });
    const status = await statusOf(get);
    if (isObject(status) && isTerminalPipelineState(status['pipelineState'])) return { kind: 'imported', status };
    if (ending === undefined) return { kind: 'written' };
    const body = JSON.stringify({ ...(isObject(status) ? status : {}), ...ending, ...keptStart(status) });
    const put = await call(base, { method: 'PUT', headers, body, signal: timeout, redirect: 'error' });
    await put.body?.cancel();
    if (!put.ok) throw new Error(`PUT pipelineStatus was answered with ${put.status}`);
    return { kind: 'written' };
  };

  return {
    settle: async (server, ending, signal) => {
      const attempt = attempts.get(ending.runId) ?? { first: clock.now(), next: 0 };
      if (attempt.next > clock.now()) return { kind: 'later' };
      try {
        const answer = await exchange(server, ending, signal);
        attempts.delete(ending.runId);
        return answer;
      } catch (error) {
        const context = { runId: ending.runId, server: server.hostPort, reason: messageOf(error) };
        if (clock.now() - attempt.first >= patienceMs) {
          attempts.delete(ending.runId);
          logger.error('the server of a pipeline was not told how its run ended', context);
          return { kind: 'given_up' };
        }
        if (attempt.next === 0) logger.warn('the server of a pipeline cannot be told yet how its run ended', context);
        attempts.set(ending.runId, { first: attempt.first, next: clock.now() + PAUSE_MS });
        return { kind: 'later' };
      }
    },
  };
}

/** "None yet" is any empty answer, or 404. Everything else that is no status is an error. */
async function statusOf(response: Response): Promise<unknown> {
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > LONGEST_ANSWER_BYTES) {
    await response.body?.cancel();
    throw new Error('the answer is too long for a status');
  }
  const text = await response.text();
  if (response.status === 404 || response.status === 204 || (response.ok && text.trim() === '')) return undefined;
  if (!response.ok) throw new Error(`GET pipelineStatus was answered with ${response.status}`);
  return JSON.parse(text) as unknown;
}

/** PUT replaces the whole row, and the start that stands there is the workload's own. */
function keptStart(status: unknown): JsonObject {
  if (!isObject(status)) return {};
  const { startDate, timestamp } = status;
  return {
    ...(startDate === undefined ? {} : { startDate }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}
