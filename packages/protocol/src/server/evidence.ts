import type { Evidence } from './ports.ts';
import { optional } from './record-fields.ts';
import type { RunMessage } from './session/step.ts';

/** Which run a frame is about, and what it says of it. */
export function toEvidence(message: RunMessage, scopeId: string): { runId: string; evidence: Evidence } {
  switch (message.type) {
    case 'accepted': {
      const { observation, created } = message;
      // An acceptance of one run with the observation of another is of neither.
      const ours = observation.runId === message.runId;
      const seen = ours ? observation : unseen(message.runId, observation.observedAt);
      return { runId: message.runId, evidence: { kind: 'accepted', created, observation: seen, scopeId } };
    }
    case 'observed': {
      const { observation } = message;
      return { runId: observation.runId, evidence: { kind: 'observed', observation, scopeId } };
    }
    case 'refused':
    case 'waiting': {
      const { type: kind, runId, code, message: text, hint } = message;
      return { runId, evidence: { kind, code, message: text, ...optional('hint', hint) } };
    }
    case 'cancelled':
      return { runId: message.runId, evidence: { kind: 'cancelled', scopeId } };
    case 'ending': {
      const { runId, reason, diagnosis } = message;
      return { runId, evidence: { kind: 'ending', reason, ...optional('diagnosis', diagnosis) } };
    }
  }
}

const unseen = (runId: string, observedAt: number) => ({
  presence: 'unknown' as const,
  runId,
  observedAt,
  reason: 'the acceptance carried an observation of another run',
});

type Observed = Extract<Evidence, { observation: unknown }>['observation'];
type Phase = Extract<Observed, { presence: 'present' }>['phase'];

/** The phase of the workload it tells of; undefined: of none. */
function phaseOf(evidence: Evidence): Phase | undefined {
  if (!('observation' in evidence) || evidence.observation.presence !== 'present') return undefined;
  return evidence.observation.phase;
}

/** A workload is there, living or ended. */
export function saysPresent(evidence: Evidence): boolean {
  return phaseOf(evidence) !== undefined;
}

export function saysEnded(evidence: Evidence): boolean {
  return phaseOf(evidence) === 'ended';
}

/** It is asked to stop, or over. */
export function saysEnding(evidence: Evidence): boolean {
  return phaseOf(evidence) === 'ending' || saysEnded(evidence);
}

/** It lives, and nobody has asked it to stop. */
export function saysLive(evidence: Evidence): boolean {
  return phaseOf(evidence) === 'pending' || phaseOf(evidence) === 'running';
}

/** Nothing can be said. */
export function saysUnknown(evidence: Evidence): boolean {
  return 'observation' in evidence && evidence.observation.presence === 'unknown';
}
