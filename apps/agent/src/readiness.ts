import type { AgentStatus } from './agent.ts';

/** Whether the agent can do its work, and a sentence about it. */
export interface Readiness {
  readonly ready: boolean;
  readonly message: string;
}

/**
 * Ready means: in session with the control plane, and the executor can be watched. A standby is ready, or a rolling
 * update would never end; a blocked instance is ready for the same reason, and says that it is blocked.
 */
export function readinessOf({ connection, session, trouble, dispatch }: AgentStatus): Readiness {
  const { watch, draining } = dispatch;
  if (draining) return no('draining: no new runs are taken');
  if (connection === 'starting') return no('the executor has not yet said where it works');
  if (session === undefined)
    return no(`no session with the control plane${trouble === undefined ? '' : `: ${trouble}`}`);
  if (watch.state === 'failing')
    return no(`the executor cannot be watched: ${watch.problem?.message ?? 'no reason given'}`);
  const why = session.reason === undefined ? '' : `: ${session.reason}`;
  return { ready: true, message: session.role === 'active' ? 'active' : `${session.role}${why}` };
}

const no = (message: string): Readiness => ({ ready: false, message });
