import type { HealthCheck } from '@runner/metrics';
import type { AgentStatus } from './agent.ts';

/**
 * Ready means: in session with the control plane, and the executor can be watched. A standby is ready, or a rolling
 * update would never end; a blocked instance is ready for the same reason, and says that it is blocked.
 */
export function readinessChecks(status: AgentStatus): readonly HealthCheck[] {
  return [sessionCheck(status), executorCheck(status)];
}

function sessionCheck({ session, trouble, dispatch }: AgentStatus): HealthCheck {
  const name = 'session';
  if (dispatch.draining) return { name, ok: false, reason: 'draining: no new runs are taken' };
  if (session === undefined) {
    const why = trouble === undefined ? '' : `: ${trouble}`;
    return { name, ok: false, reason: `no session with the control plane${why}` };
  }
  const why = session.reason === undefined ? '' : `: ${session.reason}`;
  return { name, ok: true, reason: session.role === 'active' ? 'active' : `${session.role}${why}` };
}

function executorCheck({ connection, dispatch: { watch } }: AgentStatus): HealthCheck {
  const name = 'executor';
  if (connection === 'starting') return { name, ok: false, reason: 'it has not yet said where it works' };
  if (watch.state !== 'failing') return { name, ok: true };
  return { name, ok: false, reason: `it cannot be watched: ${watch.problem?.message ?? 'no reason given'}` };
}
