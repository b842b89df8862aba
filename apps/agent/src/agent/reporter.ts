import type { Reporter, Slots } from '@runner/dispatch';
import type { AgentLink } from '@runner/protocol/client';
import { wireDiagnosisOf, wireObservationOf, wireProblemOf, wireSlotsOf } from '../translate.ts';
import type { RunFacts } from './run-facts.ts';

/** The dispatcher's words, said over the link. Before the first connection there is none, and nobody to hear. */
export function createReporter(
  link: () => AgentLink | undefined,
  slots: () => Slots,
  facts: Pick<RunFacts, 'forget'>,
): Reporter {
  return {
    accepted: (runId, created, seen) => link()?.accepted(runId, created, wireObservationOf(seen)),
    refused: (runId, problem) => {
      link()?.refused(runId, wireProblemOf(problem));
      facts.forget(runId);
    },
    waiting: (runId, problem) => link()?.waiting(runId, wireProblemOf(problem)),
    cancelled: (runId) => {
      link()?.cancelled(runId);
      facts.forget(runId);
    },
    observed: (seen) => link()?.observed(wireObservationOf(seen)),
    ending: (runId, reason, diagnosis) =>
      link()?.ending(runId, reason, diagnosis === undefined ? undefined : wireDiagnosisOf(diagnosis)),
    slotsChanged: () => link()?.slots(wireSlotsOf(slots())),
  };
}
