import type { WireObservation } from '../messages.ts';
import type { AgentLink } from './ports.ts';
import type { AgentStatement } from './statement.ts';

export interface Speaker {
  say(statement: AgentStatement): void;
  report(levelId: string, observations: readonly WireObservation[]): void;
}

/** The verbs of an agent over whatever session there is at the moment. */
export function agentLink(speaker: Speaker): AgentLink {
  return {
    accepted: (runId, created, observation) => speaker.say({ type: 'accepted', runId, created, observation }),
    refused: (runId, problem) => speaker.say({ type: 'refused', runId, ...problem }),
    waiting: (runId, problem) => speaker.say({ type: 'waiting', runId, ...problem }),
    cancelled: (runId) => speaker.say({ type: 'cancelled', runId }),
    observed: (observation) => speaker.say({ type: 'observed', observation }),
    ending: (runId, reason, diagnosis) =>
      speaker.say({ type: 'ending', runId, reason, ...(diagnosis === undefined ? {} : { diagnosis }) }),
    report: (levelId, observations) => speaker.report(levelId, observations),
    slots: (slots) => speaker.say({ type: 'slots', slots }),
    draining: () => speaker.say({ type: 'draining' }),
    secretsChecked: (checkId, { results, problem }) =>
      speaker.say({
        ...{ type: 'secrets.checked', checkId, results: [...results] },
        ...(problem === undefined ? {} : { problem }),
      }),
  };
}
